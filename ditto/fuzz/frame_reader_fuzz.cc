// What a peer writes on a connection: its greeting, then frames. The first byte tells how the rest is cut into reads.
#include <algorithm>
#include <cstdlib>
#include <string>

#include "ditto/fuzz/fuzz.h"
#include "ditto/net/frame_reader.h"

using ditto::Bytes;
using ditto::ChannelError;
using ditto::FrameReader;

namespace {

constexpr uint64_t kMaxFrameBytes = 1 << 12;

// The frames that come of a stream, read `step` bytes at most at a time, and whether it was refused in the end.
std::string Read(const uint8_t* data, size_t size, size_t step) {
  std::string told;
  FrameReader reader(kMaxFrameBytes);
  std::vector<FrameReader::Frame> frames;
  try {
    for (size_t at = 0; at < size;) {
      size_t read = 0;
      for (const FrameReader::Region& region : reader.Space()) {
        const size_t part = std::min({region.size, step - read, size - at});
        std::copy_n(data + at, part, region.data);
        at += part;
        read += part;
      }
      // A reader without room would wait for ever.
      if (read == 0) std::abort();
      reader.Commit(read, &frames);
    }
  } catch (const ChannelError& error) {
    told = error.what();
  }
  for (const auto& [header, payload] : frames) {
    if (payload.size() != header.length || header.length > kMaxFrameBytes) std::abort();
    told += ' ' + std::to_string(header.tag) + ':' + std::string(payload.begin(), payload.end());
  }
  return told;
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const size_t step = size_t{1} + data[0];
  ++data;
  --size;
  if (size >= ditto::kGreetingBytes) {
    if (const auto greeting = ditto::DecodeGreeting(data)) {
      const auto again = ditto::Encode(*greeting);
      if (!std::equal(again.begin(), again.end(), data)) std::abort();
      ditto::Mismatch(ditto::Greeting{}, *greeting);
    }
  }
  // However the stream is cut, the same comes of it.
  if (Read(data, size, step) != Read(data, size, size_t{1} << 16)) std::abort();
  return 0;
}
