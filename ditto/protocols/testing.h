// Three parties in one process, for the tests of protocols.
//
// RunThree runs a body as P0, P1 and P2 over memory channels and gives back what each computed, what all sent, and
// every message P1 and P2 received.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <exception>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "ditto/net/memory_channel.h"
#include "ditto/protocols/links.h"
#include "ditto/protocols/party.h"
#include "ditto/ring/elementwise.h"

namespace ditto::testing {

// A channel that keeps what it has received.
class RecordingChannel : public Channel {
 public:
  explicit RecordingChannel(std::unique_ptr<Channel> inner) : inner_(std::move(inner)) {}
  void Send(uint64_t tag, Bytes payload) override { inner_->Send(tag, std::move(payload)); }
  Bytes Receive(uint64_t tag) override {
    Bytes frame = inner_->Receive(tag);
    received.insert(received.end(), frame.begin(), frame.end());
    return frame;
  }
  void Abort(const std::string& reason) override { inner_->Abort(reason); }
  ChannelStats stats() const override { return inner_->stats(); }

  Bytes received;

 private:
  std::unique_ptr<Channel> inner_;
};

template <class R>
struct ThreeRuns {
  std::array<R, 3> views;
  Cost metered;          // over all three parties, as the channels counted
  Bytes received_by_p1;  // from P2
  Bytes received_by_p2;  // from P0, then from P1
};

inline PairKeys TestKeys() { return {FreshKey(), FreshKey(), FreshKey()}; }

// body(party) -> R, run once per role, with a party of the class P.
template <class P = Party, class F>
auto RunThree(F body, const PairKeys& keys = TestKeys(), uint64_t domain = 7)
    -> ThreeRuns<decltype(body(std::declval<P&>()))> {
  using R = decltype(body(std::declval<P&>()));
  ChannelOptions options;
  options.timeout = std::chrono::hours(1);  // the test's own timeout comes first
  auto [c02, c20] = MemoryChannelPair(options);
  auto [c12, c21] = MemoryChannelPair(options);
  RecordingChannel p0_to_p2(std::move(c02)), p2_from_p0(std::move(c20)), p1(std::move(c12)), p2(std::move(c21));
  ThreeRuns<R> result;
  std::array<Cost, 3> sent;
  std::array<std::exception_ptr, 3> errors;
  const auto run = [&](int role, Channel* offline_channel, Channel* online_channel) {
    try {
      std::unique_ptr<ChannelOfflineLink> offline;
      std::unique_ptr<ChannelOnlineLink> online;
      if (offline_channel) offline = std::make_unique<ChannelOfflineLink>(*offline_channel, domain);
      if (online_channel) online = std::make_unique<ChannelOnlineLink>(*online_channel, domain);
      P party(static_cast<Role>(role), keys, domain, offline.get(), online.get());
      result.views[role] = body(party);
      party.Finish();
      sent[role] = party.sent();
    } catch (...) {
      errors[role] = std::current_exception();
      for (Channel* c : {offline_channel, online_channel}) {
        if (c) c->Abort("a party failed");
      }
    }
  };
  std::thread t0(run, 0, &p0_to_p2, nullptr), t1(run, 1, nullptr, &p1), t2(run, 2, &p2_from_p0, &p2);
  t0.join();
  t1.join();
  t2.join();
  for (const auto& error : errors) {
    if (error) std::rethrow_exception(error);
  }
  result.metered.offline = static_cast<int64_t>(p0_to_p2.stats().payload_bytes_sent);
  result.metered.online = static_cast<int64_t>(p1.stats().payload_bytes_sent + p2.stats().payload_bytes_sent);
  result.metered.rounds = sent[1].rounds;
  result.received_by_p1 = std::move(p1.received);
  result.received_by_p2 = std::move(p2_from_p0.received);
  result.received_by_p2.insert(result.received_by_p2.end(), p2.received.begin(), p2.received.end());
  return result;
}

using Views = std::array<Share, 3>;

// Shares of signed integers (or of 0/1 when width is 1), under masks of `key`.
inline Views ShareOf(const std::vector<int64_t>& values, const Shape& shape, int width,
                     const PrgKey& key = FreshKey()) {
  PrgStream stream(key, 0);
  Tensor l1(shape, width), l2(shape, width);
  for (Tensor* t : {&l1, &l2}) {
    stream.Fill(t->mutable_data<uint8_t>(), static_cast<size_t>(t->size()) * WordBytes(width));
    if (width == 1) {
      for (int64_t i = 0; i < t->size(); ++i) t->mutable_data<uint8_t>()[i] &= 1;
    }
  }
  const Tensor m = Add(FromSigned(values.data(), shape, width), Add(l1, l2));
  return {Share{Tensor(), l1, l2}, Share{m, l1, Tensor()}, Share{m, Tensor(), l2}};
}

// The signed integers of a share; fails loudly if the parties' views disagree.
inline std::vector<int64_t> Reconstruct(const Views& v) {
  const auto same = [](const Tensor& a, const Tensor& b) { return SignExtend(a) == SignExtend(b); };
  if (!same(v[0].l1, v[1].l1) || !same(v[0].l2, v[2].l2) || !same(v[1].m, v[2].m)) {
    throw std::runtime_error("the parties' views of a share disagree");
  }
  return SignExtend(Sub(Sub(v[1].m, v[0].l1), v[0].l2));
}

// The share that `party` holds of `views`.
inline const Share& Mine(const Views& views, const Party& party) { return views[static_cast<int>(party.role())]; }

// Pearson's chi-square over byte values, as a number of standard deviations from its mean: |z| below 5 for uniform
// bytes but once in two million tests.
inline double UniformityZ(const Bytes& bytes) {
  std::array<double, 256> counts{};
  for (uint8_t b : bytes) ++counts[b];
  const double expected = static_cast<double>(bytes.size()) / 256.0;
  double chi = 0;
  for (double c : counts) chi += (c - expected) * (c - expected) / expected;
  return (chi - 255.0) / std::sqrt(2.0 * 255.0);
}

// What every protocol promises besides its value: it sends what it declares, and what P1 and P2 receive is uniform.
template <class R>
void ExpectConforms(const ThreeRuns<R>& run, const Cost& declared) {
  EXPECT_EQ(run.metered.offline, declared.offline);
  EXPECT_EQ(run.metered.online, declared.online);
  EXPECT_EQ(run.metered.rounds, declared.rounds);
  // Short messages end in padding bits and say nothing about uniformity.
  constexpr size_t kEnough = 4096;
  if (run.received_by_p1.size() >= kEnough) {
    EXPECT_LT(std::abs(UniformityZ(run.received_by_p1)), 6.0);
  }
  if (run.received_by_p2.size() >= kEnough) {
    EXPECT_LT(std::abs(UniformityZ(run.received_by_p2)), 6.0);
  }
}

// The signed number in the low bits of x.
inline int64_t Signed(int64_t x, int bits) {
  return static_cast<int64_t>(static_cast<uint64_t>(x) << (kMaxWidth - bits)) >> (kMaxWidth - bits);
}

// Every value of a small ring under every pair of masks.
struct UnderEveryMask {
  explicit UnderEveryMask(int bits) {
    std::vector<int64_t> m, l1, l2;
    for (int64_t at = 0; at < 1 << 3 * bits; ++at) {
      m.push_back(at & ((1 << bits) - 1));
      l1.push_back(at >> bits & ((1 << bits) - 1));
      l2.push_back(at >> 2 * bits);
      values.push_back(Signed(m.back() - l1.back() - l2.back(), bits));
    }
    const Shape shape = {static_cast<int64_t>(m.size())};
    const auto tensor = [&](const std::vector<int64_t>& t) { return FromSigned(t.data(), shape, bits); };
    views = {Share{Tensor(), tensor(l1), tensor(l2)}, Share{tensor(m), tensor(l1), Tensor()},
             Share{tensor(m), Tensor(), tensor(l2)}};
  }

  std::vector<int64_t> values;
  Views views;
};

// n integers uniform in [low, high].
inline std::vector<int64_t> Uniform(int64_t n, int64_t low, int64_t high, uint64_t seed = 1) {
  std::mt19937_64 generator(seed);
  std::uniform_int_distribution<int64_t> distribution(low, high);
  std::vector<int64_t> values(n);
  for (int64_t& v : values) v = distribution(generator);
  return values;
}

}  // namespace ditto::testing
