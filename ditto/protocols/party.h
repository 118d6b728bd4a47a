// One party inside one protocol call: its role, its shared randomness, and its messages.
//
// Protocol bodies are written once, from all three parties' view. Everything a body may do to the outside is here:
// draw common randomness, deal (P0 -> P2, offline), exchange (P1 <-> P2, one online round). P0 never receives.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "ditto/net/channel.h"
#include "ditto/protocols/cost.h"
#include "ditto/protocols/prg.h"
#include "ditto/protocols/share.h"
#include "ditto/ring/tensor.h"

namespace ditto {

enum class Role { kP0 = 0, kP1 = 1, kP2 = 2 };

// The three pairwise keys; a party holds two of them.
enum class Pair { k01 = 0, k02 = 1, k12 = 2 };

// The P1 <-> P2 connection as one operation sees it. The executor puts several operations' messages into one round.
class OnlineLink {
 public:
  virtual ~OnlineLink() = default;
  // Sends `mine`, returns the peer's message, which must be as long. One round.
  virtual Bytes Exchange(Bytes mine) = 0;
};

// The P0 -> P2 stream of one operation.
class OfflineLink {
 public:
  virtual ~OfflineLink() = default;
  virtual void Send(const uint8_t* data, size_t size) = 0;
  virtual void Receive(uint8_t* data, size_t size) = 0;
  // P0: everything sent so far is on its way. P2: throws if the stream has bytes left over.
  virtual void Finish() = 0;
};

// A share about to be opened: P1 and P2 each hold an additive part z (z1 + z2 = value mod 2^width); P0 holds no part.
struct Opening {
  Shape shape;
  int width;
  Tensor z;
};

class Party {
 public:
  // `domain` names this protocol call uniquely within the session: its randomness is derived from the pairwise keys
  // and the domain, so no two calls share a mask. Links a role has no use for may be null.
  Party(Role role, const PairKeys& keys, uint64_t domain, OfflineLink* offline, OnlineLink* online);
  virtual ~Party() = default;

  Role role() const { return role_; }
  bool is_p0() const { return role_ == Role::kP0; }
  bool is_p1() const { return role_ == Role::kP1; }
  bool is_p2() const { return role_ == Role::kP2; }

  // Uniform elements that both holders of `pair`'s key draw alike; an empty tensor for the third party.
  // All parties must call in the same order with the same shapes and widths.
  virtual Tensor Random(Pair pair, const Shape& shape, int width);

  // "Deal v": an additive sharing of v between P1 and P2. P0 passes v, the others an empty tensor.
  // P1 gets v1 (drawn from k01), P2 gets v2 = v - v1 (received), P0 gets an empty tensor.
  // Cost: DealCost(elements, width).
  Tensor Deal(const Tensor& v, const Shape& shape, int width);

  // P0 -> P2, packed to the tensor's width, uninterpreted. What is sent must be uniform to P2: mask it first.
  void SendOffline(const Tensor& t);
  virtual Tensor ReceiveOffline(const Shape& shape, int width);

  // The same for bytes that are no tensor, in the caller's memory. Nothing happens at a party without the key.
  void RandomBytes(Pair pair, uint8_t* out, size_t size);
  void SendOffline(const uint8_t* bytes, size_t size);
  void ReceiveOffline(uint8_t* bytes, size_t size);

  // P1 and P2 swap tensors of equal shapes and widths, all in one round. P0 gets empty tensors.
  std::vector<Tensor> Exchange(const std::vector<Tensor>& mine);

  // "Open masked": fresh masks l1 (k01), l2 (k02); P1 sends z1 + l1, P2 sends z2 + l2; both learn m. One round for
  // all. Cost: OpenCost per opening, rounds counted once.
  std::vector<Share> OpenMasked(const std::vector<Opening>& openings);
  Share OpenMasked(const Shape& shape, int width, const Tensor& z);

  // An opening that travels with the next call of OpenMasked, in that call's round. The share is there afterwards.
  std::shared_ptr<const Share> OpenWithNext(const Opening& opening);

  // This party's part of the run's guard string (range_guard.h) as far as this call adds to it.
  uint64_t& guard() { return guard_; }

  // What this party has sent and the rounds it has taken part in, so far.
  const Cost& sent() const { return sent_; }

  void Finish();

 protected:
  // What OpenMasked does with all openings of its round. Virtual, like all through which a party learns or draws
  // anything, for tests that watch a party's view (independence.h).
  virtual std::vector<Share> OpenAll(const std::vector<Opening>& openings);

 private:
  Role role_;
  std::unique_ptr<PrgStream> streams_[3];
  OfflineLink* offline_;
  OnlineLink* online_;
  std::vector<std::pair<Opening, std::shared_ptr<Share>>> waiting_;
  uint64_t guard_ = 0;
  Cost sent_;
};

}  // namespace ditto
