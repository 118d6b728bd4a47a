#include "ditto/runtime/round_barrier.h"

#include <utility>

namespace ditto {

RoundBarrier::RoundBarrier(Channel& peer, uint64_t tag, size_t lanes)
    : peer_(peer), tag_(tag), messages_(lanes), waits_(lanes), live_(lanes) {}

Bytes RoundBarrier::Exchange(size_t lane, Bytes mine) {
  std::unique_lock<std::mutex> lock(mutex_);
  const uint64_t round = rounds_;
  messages_[lane] = std::move(mine);
  waits_[lane] = true;
  ++waiting_;
  SwapIfComplete();
  swapped_.wait(lock, [&] { return rounds_ > round || !failure_.empty(); });
  if (rounds_ == round) throw ChannelError(failure_);
  return std::move(messages_[lane]);
}

void RoundBarrier::Leave() {
  std::lock_guard<std::mutex> lock(mutex_);
  --live_;
  SwapIfComplete();
}

void RoundBarrier::Fail() {
  std::lock_guard<std::mutex> lock(mutex_);
  if (failure_.empty()) failure_ = "an operation of the same round failed";
  swapped_.notify_all();
}

void RoundBarrier::SwapIfComplete() {
  if (waiting_ == 0 || waiting_ < live_ || !failure_.empty()) return;
  try {
    Swap();
  } catch (const std::exception& error) {
    failure_ = error.what();
    swapped_.notify_all();
    throw;
  }
  waits_.assign(waits_.size(), false);
  waiting_ = 0;
  ++rounds_;
  swapped_.notify_all();
}

void RoundBarrier::Swap() {
  size_t total = 0;
  for (size_t i = 0; i < messages_.size(); ++i) total += waits_[i] ? messages_[i].size() : 0;
  Bytes joined;
  joined.reserve(total);
  for (size_t i = 0; i < messages_.size(); ++i) {
    if (waits_[i]) joined.insert(joined.end(), messages_[i].begin(), messages_[i].end());
  }
  peer_.Send(tag_, std::move(joined));
  const Bytes theirs = peer_.Receive(tag_);
  if (theirs.size() != total) {
    throw ChannelError("the peer's message has " + std::to_string(theirs.size()) + " bytes instead of " +
                       std::to_string(total) + ": the parties run different programs or versions");
  }
  auto at = theirs.begin();
  for (size_t i = 0; i < messages_.size(); ++i) {
    if (!waits_[i]) continue;
    const auto end = at + static_cast<std::ptrdiff_t>(messages_[i].size());
    messages_[i].assign(at, end);
    at = end;
  }
}

}  // namespace ditto
