#include "ditto/runtime/session.h"

#include <openssl/crypto.h>

#include <stdexcept>
#include <utility>

#include "ditto/ring/elementwise.h"
#include "ditto/ring/pack.h"
#include "ditto/runtime/run_agreement.h"
#include "ditto/runtime/sha256.h"

namespace ditto {
namespace {

// No run has these tags: the highest bit is set.
constexpr uint64_t kKeyTag = ~uint64_t{0};
constexpr uint64_t kProgramTag = ~uint64_t{0} - 1;
constexpr uint64_t kRunTag = ~uint64_t{0} - 2;

constexpr uint64_t InputDomain(uint64_t id) { return uint64_t{1} << 63 | id; }

PrgKey& KeyWith(PairKeys& keys, int a, int b) {
  if (a + b == 1) return keys.k01;
  return a + b == 2 ? keys.k02 : keys.k12;
}

// A run's copy of the keys ends with the run.
struct WipedContext : PartyContext {
  ~WipedContext() { OPENSSL_cleanse(&keys, sizeof keys); }
};

void AddTo(Sha256& hash, uint64_t id, const Tensor& tensor) {
  std::vector<uint8_t> packed(PackedBytes(tensor.size(), tensor.width()));
  Pack(tensor, packed.data());
  hash.AddText(std::to_string(id) + " " + ToString(tensor.shape()) + " " + std::to_string(tensor.width()));
  hash.Add(packed.data(), packed.size());
}

// Of what all three parties are given for a run.
std::string DigestOf(const std::vector<Input>& inputs, const RunOptions& options, const Kept& kept,
                     const std::string& context) {
  Sha256 hash;
  hash.AddText(context);
  hash.AddText(options.offline_first ? "offline first" : "");
  for (const Input& input : inputs) {
    if (const auto* id = std::get_if<uint64_t>(&input)) {
      hash.AddText("value " + std::to_string(*id));
    } else {
      AddTo(hash, 0, std::get<Tensor>(input));
    }
  }
  for (const auto& [output, id] : kept) hash.AddText("kept " + std::to_string(output) + " " + std::to_string(id));
  return hash.Hex();
}

}  // namespace

Session::Session(Role role, PeerChannels peers, Cancellation* cancellation) : role_(role), peers_(std::move(peers)) {
  const Cancellation::Waker waker(cancellation, [this](const std::string& reason) { Abort(reason); });
  AgreeOnKeys();
}

Session::~Session() { OPENSSL_cleanse(&keys_, sizeof keys_); }

// Each pair's key is the exclusive or of a half from either side.
void Session::AgreeOnKeys() {
  const int self = static_cast<int>(role_);
  std::array<PrgKey, 3> halves;
  for (int i = 0; i < 3; ++i) {
    if (i == self) continue;
    halves[i] = FreshKey();
    peers_[i]->Send(kKeyTag, Bytes(halves[i].begin(), halves[i].end()));
  }
  for (int i = 0; i < 3; ++i) {
    if (i == self) continue;
    Bytes theirs = peers_[i]->Receive(kKeyTag);
    if (theirs.size() != halves[i].size()) throw ChannelError("P" + std::to_string(i) + " sent a malformed key");
    PrgKey& key = KeyWith(keys_, self, i);
    for (size_t k = 0; k < key.size(); ++k) key[k] = halves[i][k] ^ theirs[k];
    OPENSSL_cleanse(theirs.data(), theirs.size());
  }
  OPENSSL_cleanse(&halves, sizeof halves);
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
  BurnId(id);
  Party party(role_, keys_, InputDomain(id), nullptr, nullptr);
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
    const WipedContext party{{role_, keys_, agreement.channels()}};
    result = Execute(party, program, schedule, run, std::move(values), options);
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
