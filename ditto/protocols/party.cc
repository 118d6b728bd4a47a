#include "ditto/protocols/party.h"

#include <stdexcept>
#include <string>
#include <utility>

#include "ditto/ring/elementwise.h"
#include "ditto/ring/pack.h"

namespace ditto {
namespace {

const PrgKey& KeyOf(const PairKeys& keys, Pair pair) {
  switch (pair) {
    case Pair::k01:
      return keys.k01;
    case Pair::k02:
      return keys.k02;
    default:
      return keys.k12;
  }
}

bool Holds(Role role, Pair pair) {
  switch (pair) {
    case Pair::k01:
      return role != Role::kP2;
    case Pair::k02:
      return role != Role::kP1;
    default:
      return role != Role::kP0;
  }
}

}  // namespace

Party::Party(Role role, const PairKeys& keys, uint64_t domain, OfflineLink* offline, OnlineLink* online)
    : role_(role), offline_(offline), online_(online) {
  for (Pair pair : {Pair::k01, Pair::k02, Pair::k12}) {
    if (Holds(role, pair)) {
      streams_[static_cast<int>(pair)] = std::make_unique<PrgStream>(KeyOf(keys, pair), domain);
    }
  }
}

Tensor Party::Random(Pair pair, const Shape& shape, int width) {
  PrgStream* stream = streams_[static_cast<int>(pair)].get();
  if (stream == nullptr) return Tensor();
  const int64_t n = NumElements(shape);
  if (width == 1) {
    Bytes packed(PackedBytes(n, 1));
    stream->Fill(packed.data(), packed.size());
    return Unpack(packed.data(), shape, 1);
  }
  Tensor t(shape, width);
  stream->Fill(t.mutable_data<uint8_t>(), static_cast<size_t>(n) * WordBytes(width));
  return t;
}

Tensor Party::Deal(const Tensor& v, const Shape& shape, int width) {
  Tensor v1 = Random(Pair::k01, shape, width);
  if (is_p0()) {
    SendOffline(Sub(v, v1));
    return Tensor();
  }
  return is_p1() ? v1 : ReceiveOffline(shape, width);
}

void Party::SendOffline(const Tensor& t) {
  Bytes packed(PackedBytes(t.size(), t.width()));
  Pack(t, packed.data());
  SendOffline(packed.data(), packed.size());
}

Tensor Party::ReceiveOffline(const Shape& shape, int width) {
  Bytes packed(PackedBytes(NumElements(shape), width));
  ReceiveOffline(packed.data(), packed.size());
  return Unpack(packed.data(), shape, width);
}

void Party::RandomBytes(Pair pair, uint8_t* out, size_t size) {
  PrgStream* stream = streams_[static_cast<int>(pair)].get();
  if (stream != nullptr) stream->Fill(out, size);
}

void Party::SendOffline(const uint8_t* bytes, size_t size) {
  offline_->Send(bytes, size);
  sent_.offline += static_cast<int64_t>(size);
}

void Party::ReceiveOffline(uint8_t* bytes, size_t size) { offline_->Receive(bytes, size); }

std::vector<Tensor> Party::Exchange(const std::vector<Tensor>& mine) {
  if (is_p0()) return std::vector<Tensor>(mine.size());
  size_t bytes = 0;
  for (const Tensor& t : mine) bytes += PackedBytes(t.size(), t.width());
  Bytes message(bytes);
  size_t at = 0;
  for (const Tensor& t : mine) {
    Pack(t, message.data() + at);
    at += PackedBytes(t.size(), t.width());
  }
  sent_.online += static_cast<int64_t>(bytes);
  sent_.rounds += 1;
  const Bytes theirs = online_->Exchange(std::move(message));
  if (theirs.size() != bytes) {
    throw ChannelError("the peer's message has " + std::to_string(theirs.size()) + " bytes instead of " +
                       std::to_string(bytes) + ": the parties run different programs or versions");
  }
  std::vector<Tensor> received;
  received.reserve(mine.size());
  at = 0;
  for (const Tensor& t : mine) {
    received.push_back(Unpack(theirs.data() + at, t.shape(), t.width()));
    at += PackedBytes(t.size(), t.width());
  }
  return received;
}

std::shared_ptr<const Share> Party::OpenWithNext(const Opening& opening) {
  waiting_.emplace_back(opening, std::make_shared<Share>());
  return waiting_.back().second;
}

std::vector<Share> Party::OpenAll(const std::vector<Opening>& openings) {
  std::vector<Share> shares(openings.size());
  std::vector<Tensor> mine(openings.size());
  for (size_t k = 0; k < openings.size(); ++k) {
    const Opening& o = openings[k];
    shares[k].l1 = Random(Pair::k01, o.shape, o.width);
    shares[k].l2 = Random(Pair::k02, o.shape, o.width);
    if (!is_p0()) mine[k] = Add(o.z, is_p1() ? shares[k].l1 : shares[k].l2);
  }
  if (is_p0()) return shares;
  const std::vector<Tensor> theirs = Exchange(mine);
  for (size_t k = 0; k < openings.size(); ++k) shares[k].m = Add(mine[k], theirs[k]);
  return shares;
}

std::vector<Share> Party::OpenMasked(const std::vector<Opening>& wanted) {
  const auto riders = std::exchange(waiting_, {});
  std::vector<Opening> openings = wanted;
  for (const auto& rider : riders) openings.push_back(rider.first);
  std::vector<Share> shares = OpenAll(openings);
  for (size_t k = 0; k < riders.size(); ++k) *riders[k].second = std::move(shares[wanted.size() + k]);
  shares.resize(wanted.size());
  return shares;
}

Share Party::OpenMasked(const Shape& shape, int width, const Tensor& z) {
  return std::move(OpenMasked({Opening{shape, width, z}})[0]);
}

void Party::Finish() {
  if (!waiting_.empty()) throw std::logic_error("an opening waits for a round that never came");
  if (offline_ != nullptr) offline_->Finish();
}

}  // namespace ditto
