#include "ditto/net/cancellation.h"

#include <utility>

#include "ditto/net/channel.h"

namespace ditto {

using Guard = std::lock_guard<std::mutex>;

Cancellation::Waker::Waker(Cancellation* cancellation, Wake wake) : cancellation_(cancellation) {
  if (!cancellation_) return;
  Guard guard(cancellation_->mutex_);
  place_ = cancellation_->wakers_.insert(cancellation_->wakers_.end(), std::move(wake));
  if (cancellation_->reason_) (*place_)(*cancellation_->reason_);
}

Cancellation::Waker::~Waker() {
  if (!cancellation_) return;
  Guard guard(cancellation_->mutex_);
  cancellation_->wakers_.erase(place_);
}

void Cancellation::Cancel(const std::string& reason) {
  Guard guard(mutex_);
  if (reason_) return;
  reason_ = reason;
  for (const Waker::Wake& wake : wakers_) wake(reason);
}

std::optional<std::string> Cancellation::reason() const {
  Guard guard(mutex_);
  return reason_;
}

void Cancellation::Check() const {
  if (const auto why = reason()) throw ChannelError(*why);
}

}  // namespace ditto
