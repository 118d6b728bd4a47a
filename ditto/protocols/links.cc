#include "ditto/protocols/links.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

namespace ditto {
namespace {

// Large enough that a frame's header is nothing, small enough that P2 starts before P0 has finished.
constexpr size_t kFrameBytes = size_t{1} << 20;

}  // namespace

Bytes ChannelOnlineLink::Exchange(Bytes mine) {
  channel_.Send(tag_, std::move(mine));
  return channel_.Receive(tag_);
}

void ChannelOfflineLink::Send(const uint8_t* data, size_t size) {
  frame_.insert(frame_.end(), data, data + size);
  if (frame_.size() >= kFrameBytes) channel_.Send(tag_, std::exchange(frame_, Bytes()));
}

void ChannelOfflineLink::Receive(uint8_t* data, size_t size) {
  while (size > 0) {
    if (read_ == frame_.size()) {
      frame_ = channel_.Receive(tag_);
      read_ = 0;
    }
    const size_t n = std::min(size, frame_.size() - read_);
    std::memcpy(data, frame_.data() + read_, n);
    data += n;
    size -= n;
    read_ += n;
  }
}

void ChannelOfflineLink::Finish() {
  if (read_ < frame_.size() && read_ > 0) {
    throw ChannelError("P0 dealt " + std::to_string(frame_.size() - read_) +
                       " bytes more than the program consumes: the parties run different programs or versions");
  }
  if (read_ == 0 && !frame_.empty()) channel_.Send(tag_, std::exchange(frame_, Bytes()));
}

}  // namespace ditto
