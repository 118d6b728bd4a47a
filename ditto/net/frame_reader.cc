#include "ditto/net/frame_reader.h"

#include <algorithm>
#include <cstring>
#include <string>

namespace ditto {

std::array<FrameReader::Region, 2> FrameReader::Space() {
  Region rest{nullptr, 0};
  if (current_) rest = {current_->payload.data() + filled_, current_->payload.size() - filled_};
  return {rest, {buffer_.data() + buffered_, buffer_.size() - buffered_}};
}

void FrameReader::Commit(size_t size, std::vector<Frame>* frames) {
  if (current_) {
    const size_t taken = std::min(size, current_->payload.size() - filled_);
    filled_ += taken;
    size -= taken;
    if (filled_ < current_->payload.size()) return;
    frames->push_back(std::move(*current_));
    current_.reset();
  }
  const size_t end = buffered_ + size;
  size_t at = 0;
  while (end - at >= kHeaderBytes) {
    const std::optional<FrameHeader> header = DecodeHeader(buffer_.data() + at);
    if (!header) throw ChannelError("malformed frame: the peer's bytes do not begin with a frame header");
    const uint64_t limit = header->kind == FrameKind::kAbort ? kMaxReasonBytes : max_frame_bytes_;
    if (header->length > limit) {
      throw ChannelError("oversized frame: tag " + std::to_string(header->tag) + " announces " +
                         std::to_string(header->length) + " bytes, the limit is " + std::to_string(limit));
    }
    at += kHeaderBytes;
    current_ = Frame{*header, Bytes(header->length)};
    filled_ = std::min<size_t>(end - at, header->length);
    std::copy_n(buffer_.data() + at, filled_, current_->payload.data());
    at += filled_;
    if (filled_ < header->length) break;
    frames->push_back(std::move(*current_));
    current_.reset();
  }
  buffered_ = end - at;
  std::memmove(buffer_.data(), buffer_.data() + at, buffered_);
}

}  // namespace ditto
