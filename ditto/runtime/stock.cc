#include "ditto/runtime/stock.h"

#include <utility>

namespace ditto {
namespace {

constexpr size_t kNumberBytes = 8;
constexpr size_t kHeaderBytes = 2 * kNumberBytes;

void PutNumber(uint64_t number, Bytes& to) {
  for (size_t i = 0; i < kNumberBytes; ++i) to.push_back(static_cast<uint8_t>(number >> (8 * i)));
}

uint64_t NumberAt(const Bytes& from, size_t at) {
  uint64_t number = 0;
  for (size_t i = 0; i < kNumberBytes; ++i) number |= uint64_t{from[at + i]} << (8 * i);
  return number;
}

}  // namespace

void DealingChannel::Send(uint64_t tag, Bytes payload) {
  Bytes frame;
  frame.reserve(kHeaderBytes + payload.size());
  PutNumber(tag, frame);
  PutNumber(payload.size(), frame);
  frame.insert(frame.end(), payload.begin(), payload.end());
  channel_.Send(tag_, std::move(frame));
}

Bytes DealingChannel::Receive(uint64_t) { throw ChannelError("P0 receives nothing while it deals"); }

Bytes ReceiveDealt(Channel& channel, uint64_t tag, uint64_t limit, const std::function<void()>& told) {
  Bytes stream;
  while (true) {
    const Bytes frame = channel.Receive(tag);
    if (frame.empty()) return stream;
    if (frame.size() > limit - stream.size()) throw ChannelError("P0 deals more than the program consumes");
    stream.insert(stream.end(), frame.begin(), frame.end());
    told();
  }
}

DealtChannel::DealtChannel(Bytes stream) : stream_(std::move(stream)) {
  size_t at = 0;
  while (at < stream_.size()) {
    if (stream_.size() - at < kHeaderBytes) throw ChannelError("what was dealt is damaged");
    const uint64_t tag = NumberAt(stream_, at), size = NumberAt(stream_, at + kNumberBytes);
    at += kHeaderBytes;
    if (size > stream_.size() - at) throw ChannelError("what was dealt is damaged");
    frames_[tag].push_back({at, static_cast<size_t>(size)});
    at += static_cast<size_t>(size);
  }
}

void DealtChannel::Finish() const {
  std::lock_guard<std::mutex> lock(mutex_);
  for (const auto& [tag, frames] : frames_) {
    if (!frames.empty()) throw ChannelError("more was dealt than the program consumes");
  }
}

void DealtChannel::Send(uint64_t, Bytes) { throw ChannelError("P0 is not here in a run that was dealt before"); }

Bytes DealtChannel::Receive(uint64_t tag) {
  std::lock_guard<std::mutex> lock(mutex_);
  const auto it = frames_.find(tag);
  if (it == frames_.end() || it->second.empty()) throw ChannelError("less was dealt than the program consumes");
  const Frame frame = it->second.front();
  it->second.pop_front();
  const auto begin = stream_.begin() + static_cast<std::ptrdiff_t>(frame.begin);
  return Bytes(begin, begin + static_cast<std::ptrdiff_t>(frame.size));
}

}  // namespace ditto
