#include "ditto/runtime/session.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <utility>

#include "ditto/ring/elementwise.h"
#include "ditto/ring/pack.h"
#include "ditto/runtime/profile.h"
#include "ditto/runtime/run_agreement.h"
#include "ditto/runtime/sha256.h"

namespace ditto {
namespace {

// No run has these tags: the highest bit is set.
constexpr uint64_t kKeyTag = ~uint64_t{0};
constexpr uint64_t kProgramTag = ~uint64_t{0} - 1;
constexpr uint64_t kRunTag = ~uint64_t{0} - 2;
constexpr uint64_t kDealTag = ~uint64_t{0} - 3;
constexpr uint64_t kTellTag = ~uint64_t{0} - 4;
constexpr uint64_t kProbeTag = ~uint64_t{0} - 5;
constexpr uint64_t kDealtTag = ~uint64_t{0} - 6;

// What P2 tells of every frame that it has been dealt; in the end it is empty.
const Bytes kGoesOn = {1};

// No run's domain has one of the two highest bits (kMaxRuns).
constexpr uint64_t InputDomain(uint64_t id) { return uint64_t{1} << 63 | id; }
constexpr uint64_t KeyDomain(uint64_t dealt) { return uint64_t{1} << 62 | dealt; }
static_assert((kMaxRuns << 32) <= uint64_t{1} << 62);

PrgKey& KeyWith(PairKeys& keys, int a, int b) {
  if (a + b == 1) return keys.k01;
  return a + b == 2 ? keys.k02 : keys.k12;
}

void AddTo(Sha256& hash, uint64_t id, const Tensor& tensor) {
  std::vector<uint8_t> packed(PackedBytes(tensor.size(), tensor.width()));
  Pack(tensor, packed.data());
  hash.AddText(std::to_string(id) + " " + ToString(tensor.shape()) + " " + std::to_string(tensor.width()));
  hash.Add(packed.data(), packed.size());
}

void AddInput(Sha256& hash, uint64_t id) { hash.AddText("value " + std::to_string(id)); }
void AddInput(Sha256& hash, const Tensor& integers) { AddTo(hash, 0, integers); }
void AddInput(Sha256& hash, const Argument& argument) { hash.AddText("argument " + std::to_string(argument.place)); }

// Of inputs or future ones.
template <class AnyInput>
void AddInputs(Sha256& hash, const std::vector<AnyInput>& inputs) {
  for (const AnyInput& input : inputs) {
    std::visit([&hash](const auto& one) { AddInput(hash, one); }, input);
  }
}

// Of what all three parties are given for a run.
std::string DigestOf(const std::vector<Input>& inputs, const RunOptions& options, const Kept& kept,
                     const std::string& context) {
  Sha256 hash;
  hash.AddText(context);
  hash.AddText(options.offline_first ? "offline first" : "");
  AddInputs(hash, inputs);
  for (const auto& [output, id] : kept) hash.AddText("kept " + std::to_string(output) + " " + std::to_string(id));
  return hash.Hex();
}

// What P0 sends for a program, each frame's header included.
uint64_t MostDealt(const Program& program, const Schedule& schedule) {
  constexpr uint64_t kHeader = 16, kLeastFullFrame = uint64_t{1} << 20;
  const uint64_t bytes = static_cast<uint64_t>(Total(PredictedRecords(program, schedule)).offline);
  return bytes + kHeader * (program.ops.size() + 2 + bytes / kLeastFullFrame);
}

}  // namespace

Session::Session(Role role, PeerChannels peers, Cancellation* cancellation) : role_(role), peers_(std::move(peers)) {
  const Cancellation::Waker waker(cancellation, [this](const std::string& reason) { Abort(reason); });
  AgreeOnKeys();
}

// Each pair's key is the exclusive or of a half from either side.
void Session::AgreeOnKeys() {
  const int self = static_cast<int>(role_);
  std::array<PrgKey, 3> halves;
  for (int i = 0; i < 3; ++i) {
    if (i == self || !peers_[i]) continue;
    halves[i] = FreshKey();
    peers_[i]->Send(kKeyTag, Bytes(halves[i].begin(), halves[i].end()));
  }
  for (int i = 0; i < 3; ++i) {
    if (i == self || !peers_[i]) continue;
    Bytes theirs = peers_[i]->Receive(kKeyTag);
    if (theirs.size() != halves[i].size()) throw ChannelError("P" + std::to_string(i) + " sent a malformed key");
    PrgKey& key = KeyWith(keys_, self, i);
    for (size_t k = 0; k < key.size(); ++k) key[k] = halves[i][k] ^ theirs[k];
    OPENSSL_cleanse(theirs.data(), theirs.size());
  }
  p1_p2_key_ = keys_.k12;
}

void Session::Abort(const std::string& reason) {
  for (const auto& peer : peers_) {
    if (peer) peer->Abort(reason);
  }
}

void Session::BurnId(uint64_t id) {
  if (id < next_id_) throw std::invalid_argument("value " + std::to_string(id) + " exists already: ids increase");
  if (id >> 63 != 0) throw std::invalid_argument("value ids end at 2^63");
  next_id_ = id + 1;
}

Tensor Session::Mask(uint64_t id, const Shape& shape, int width) {
  if (without_p0() && !next_) throw std::invalid_argument("without P0, a value is one of a run that was dealt");
  BurnId(id);
  Party party(role_, keys_, InputDomain(id - first_id_), nullptr, nullptr);
  Share& share = stored_[id];
  share.l1 = party.Random(Pair::k01, shape, width);
  share.l2 = party.Random(Pair::k02, shape, width);
  return role_ == Role::kP0 ? Tensor() : share.any();
}

void Session::SetMasked(uint64_t id, Tensor m) {
  if (role_ == Role::kP0) throw std::invalid_argument("P0 must not hold a masked input");
  const auto it = stored_.find(id);
  if (it == stored_.end()) throw std::invalid_argument("value " + std::to_string(id) + " was not started");
  Share& share = it->second;
  if (share.m.held()) throw std::invalid_argument("value " + std::to_string(id) + " has its masked input already");
  if (m.shape() != share.shape() || m.width() != share.width()) {
    throw std::invalid_argument("the masked input does not fit value " + std::to_string(id));
  }
  Sha256 hash;
  hash.AddText(masked_);
  AddTo(hash, id, m);
  masked_ = hash.Hex();
  share.m = std::move(m);
}

void Session::Put(uint64_t id, Share share) {
  BurnId(id);
  stored_[id] = std::move(share);
}

const Share& Session::Get(uint64_t id) const {
  const auto it = stored_.find(id);
  if (it == stored_.end() || (role_ != Role::kP0 && !it->second.m.held())) {
    throw std::invalid_argument(NameOf(role_) + " does not hold value " + std::to_string(id));
  }
  return it->second;
}

void Session::Agree(const Program& program) { AgreeOn("program", Bytes(program.hash.begin(), program.hash.end())); }

void Session::AgreeOn(const std::string& what, const Bytes& digest) {
  // By name too: who asks for one thing must not take an answer about another.
  Bytes mine(what.begin(), what.end());
  mine.push_back(0);
  mine.insert(mine.end(), digest.begin(), digest.end());
  for (const auto& peer : peers_) {
    if (peer) peer->Send(kProgramTag, mine);
  }
  for (int i = 0; i < 3; ++i) {
    if (peers_[i] && peers_[i]->Receive(kProgramTag) != mine) {
      const std::string message =
          NameOf(role_) + " and P" + std::to_string(i) + " have different " + what + "s; give all parties the same one";
      Abort(message);
      throw ProgramError(message);
    }
  }
}

RunResult Session::Run(const Program& program, const Schedule& schedule, const std::vector<Input>& inputs,
                       const RunOptions& options, const Kept& kept, const std::string& context) {
  if (!kept.empty() && kept.rbegin()->first >= program.outputs.size()) {
    const std::string message = "the program has no output " + std::to_string(kept.rbegin()->first) + " to keep";
    Abort(message);
    throw std::invalid_argument(message);
  }
  std::optional<Dealt> dealt = std::exchange(next_, std::nullopt);
  if (without_p0() && !dealt) {
    const std::string message = "without P0, a run is one that was dealt";
    Abort(message);
    throw std::invalid_argument(message);
  }
  // The number is burnt whatever happens next: a second attempt must not meet the first one's masks.
  const uint64_t run = runs_++;
  if (run >= kMaxRuns) throw RunError("this session has made all its runs; open another");
  std::vector<Value> values(inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (const auto* id = std::get_if<uint64_t>(&inputs[i])) {
      try {
        values[i].share = Get(*id);
      } catch (const std::invalid_argument& error) {
        Abort(error.what());
        throw;
      }
    } else {
      values[i].integers = std::get<Tensor>(inputs[i]);
    }
  }
  RunResult result;
  try {
    RunAgreement agreement(role_, {peers_[0].get(), peers_[1].get(), peers_[2].get()}, kRunTag, run, program,
                           DigestOf(inputs, options, kept, context), masked_);
    PartyContext party{role_, keys_, agreement.channels()};
    std::optional<DealtChannel> from_p0;
    if (dealt && role_ == Role::kP2) party.peers[0] = &from_p0.emplace(std::move(dealt->stream));
    result = Execute(party, program, schedule, run, std::move(values), options);
    if (from_p0) from_p0->Finish();
    // Programs without an opening end here unchecked, and results are not told before.
    agreement.Check();
  } catch (const ChannelError& error) {
    const std::string message = NameOf(role_) + " failed: " + error.what();
    Abort(message);
    throw RunError(message);
  }
  if (!result.out_of_range) {
    for (const auto& [output, id] : kept) Put(id, result.outputs[output]);
  }
  return result;
}

Dealt Session::Deal(const Program& program, const Schedule& schedule, const std::vector<FutureInput>& inputs,
                    const std::string& context) {
  const uint64_t number = dealt_++;
  Sha256 hash;
  hash.AddText(program.hash);
  hash.AddText(context);
  hash.AddText(std::to_string(number));
  AddInputs(hash, inputs);
  const std::string digest = hash.Hex();
  AgreeOn("deal", Bytes(digest.begin(), digest.end()));

  PairKeys keys;
  Party drawing(role_, keys_, KeyDomain(number), nullptr, nullptr);
  drawing.RandomBytes(Pair::k01, keys.k01.data(), keys.k01.size());
  drawing.RandomBytes(Pair::k02, keys.k02.data(), keys.k02.size());
  try {
    if (role_ == Role::kP1) {
      AwaitDealt();
      return {keys.k01, {}};
    }
    if (role_ == Role::kP2) {
      const auto tell = [this](Bytes what) {
        for (int other : {0, 1}) peers_[static_cast<size_t>(other)]->Send(kDealtTag, what);
      };
      Bytes stream = ReceiveDealt(*peers_[0], kDealTag, MostDealt(program, schedule), [&tell] { tell(kGoesOn); });
      tell({});
      return {keys.k02, std::move(stream)};
    }
    if (inputs.size() != program.inputs.size()) throw std::invalid_argument("another number of inputs than to deal");
    std::vector<Value> values(inputs.size());
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (const auto* id = std::get_if<uint64_t>(&inputs[i])) {
        values[i].share = Get(*id);
      } else if (const auto* argument = std::get_if<Argument>(&inputs[i])) {
        const ValueType& type = program.values[static_cast<size_t>(program.inputs[i])];
        Party party(role_, keys, InputDomain(argument->place), nullptr, nullptr);
        values[i].share.l1 = party.Random(Pair::k01, type.shape, type.width);
        values[i].share.l2 = party.Random(Pair::k02, type.shape, type.width);
      } else {
        values[i].integers = std::get<Tensor>(inputs[i]);
      }
    }
    DealingChannel later(*peers_[2], kDealTag);
    const PartyContext party{role_, keys, {nullptr, nullptr, &later}};
    Execute(party, program, schedule, 0, std::move(values), {});
    later.Finish();
    AwaitDealt();
  } catch (const std::exception& error) {
    Abort(NameOf(role_) + " cannot deal: " + error.what());
    throw;
  }
  return {};
}

void Session::AwaitDealt() {
  while (!peers_[2]->Receive(kDealtTag).empty()) {
  }
}

void Session::Prepare(Dealt dealt, uint64_t number) {
  if (!without_p0()) throw std::invalid_argument("a run that was dealt takes a session without P0");
  if (number < next_number_) throw std::invalid_argument("the numbers of runs that are prepared increase");
  next_number_ = number + 1;
  (role_ == Role::kP1 ? keys_.k01 : keys_.k02) = dealt.key;
  PairKeys session;
  session.k12 = p1_p2_key_;
  Party drawing(role_, session, KeyDomain(number), nullptr, nullptr);
  drawing.RandomBytes(Pair::k12, keys_.k12.data(), keys_.k12.size());
  first_id_ = next_id_;
  runs_ = 0;
  next_ = std::move(dealt);
}

std::map<int, LinkSpeed> Session::Probe() {
  constexpr int kTrips = 7;
  constexpr size_t kBytes = size_t{4} << 20;
  const int self = static_cast<int>(role_);
  std::map<int, LinkSpeed> found;
  // Pair after pair in the same order at all parties, so that none shares the network with another.
  for (int low = 0; low < 3; ++low) {
    for (int high = low + 1; high < 3; ++high) {
      if (self != low && self != high) continue;
      const auto& peer = peers_[static_cast<size_t>(self == low ? high : low)];
      if (!peer) continue;
      std::vector<double> seconds;
      for (size_t size : std::vector<size_t>{kTrips, 1}) {
        for (size_t trip = 0; trip < size; ++trip) {
          const auto began = std::chrono::steady_clock::now();
          if (self == low) peer->Send(kProbeTag, Bytes(size == 1 ? kBytes : 1));
          peer->Receive(kProbeTag);
          if (self == high) peer->Send(kProbeTag, Bytes(1));
          seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
        }
      }
      if (self == high) continue;
      const double sending = seconds.back();
      seconds.pop_back();
      const double trip = *std::min_element(seconds.begin(), seconds.end());
      found[high] = {trip, 8.0 * kBytes / std::max(sending - trip, 1e-9)};
    }
  }
  return found;
}

void Session::Tell(Bytes message) { peers_[2]->Send(kTellTag, std::move(message)); }

Bytes Session::Told() { return peers_[1]->Receive(kTellTag); }

Tensor RevealedPart(Role role, const Share& share) {
  switch (role) {
    case Role::kP1:
      return Sub(share.m, share.l1);
    case Role::kP2:
      return share.l2;
    default:
      return Tensor();
  }
}

std::vector<int64_t> Reconstruct(const Tensor& from_p1, const Tensor& from_p2) {
  return SignExtend(Sub(from_p1, from_p2));
}

Tensor MaskedInput(const int64_t* values, const Tensor& l1, const Tensor& l2) {
  return Add(FromSigned(values, l1.shape(), l1.width()), Add(l1, l2));
}

}  // namespace ditto
