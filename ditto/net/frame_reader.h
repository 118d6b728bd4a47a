// Cuts a byte stream into frames, checking every header before it allocates what the header asks for.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "ditto/net/channel.h"
#include "ditto/net/frame.h"

namespace ditto {

class FrameReader {
 public:
  struct Frame {
    FrameHeader header;
    Bytes payload;
  };
  struct Region {
    uint8_t* data;
    size_t size;
  };

  explicit FrameReader(uint64_t max_frame_bytes) : max_frame_bytes_(max_frame_bytes), buffer_(kBufferBytes) {}

  // Where the next bytes of the stream go, in this order. The rest of a payload is read to its final place.
  std::array<Region, 2> Space();

  // `size` bytes have been put there: appends the frames they complete.
  // Throws ChannelError on a malformed header or one that announces a frame over the limit.
  void Commit(size_t size, std::vector<Frame>* frames);

  bool in_the_middle_of_a_frame() const { return buffered_ > 0 || current_.has_value(); }

 private:
  // One read takes in many small frames; long payloads bypass it.
  static constexpr size_t kBufferBytes = 1 << 16;

  const uint64_t max_frame_bytes_;
  std::vector<uint8_t> buffer_;  // bytes of headers, and what was read together with them
  size_t buffered_ = 0;          // less than a header between calls; 0 while a frame is under way
  std::optional<Frame> current_;
  size_t filled_ = 0;  // bytes of the current payload
};

}  // namespace ditto
