#include "ditto/net/frame_reader.h"

#include <algorithm>

#include "ditto/net/testing.h"
#include "gtest/gtest.h"

namespace ditto {
namespace {

Bytes Wire(uint64_t tag, const Bytes& payload, FrameKind kind = FrameKind::kData) {
  const auto header = Encode(FrameHeader{kind, static_cast<uint32_t>(payload.size()), tag});
  Bytes wire(header.size() + payload.size());
  std::copy(header.begin(), header.end(), wire.begin());
  std::copy(payload.begin(), payload.end(), wire.begin() + header.size());
  return wire;
}

// Hands the reader the stream in reads of at most `step` bytes.
std::vector<FrameReader::Frame> Feed(FrameReader& reader, const Bytes& stream, size_t step) {
  std::vector<FrameReader::Frame> frames;
  size_t at = 0;
  while (at < stream.size()) {
    size_t read = 0;
    for (const FrameReader::Region& region : reader.Space()) {
      const size_t size = std::min({region.size, step - read, stream.size() - at});
      std::copy_n(stream.data() + at, size, region.data);
      at += size;
      read += size;
    }
    EXPECT_GT(read, 0u);
    reader.Commit(read, &frames);
  }
  return frames;
}

TEST(FrameReader, FindsFramesHoweverTheStreamIsCut) {
  Bytes stream;
  std::vector<Bytes> payloads;
  for (uint64_t i = 0; i < 40; ++i) {
    payloads.push_back(Bytes(i % 7 == 6 ? 100000 + i : i % 5, static_cast<uint8_t>(i + 1)));
    const Bytes wire = Wire(i << 40, payloads.back());
    stream.insert(stream.end(), wire.begin(), wire.end());
  }
  for (size_t step : {size_t{1}, size_t{15}, size_t{17}, size_t{1000}, size_t{1} << 16, stream.size()}) {
    FrameReader reader(1 << 20);
    const auto frames = Feed(reader, stream, step);
    ASSERT_EQ(frames.size(), payloads.size());
    for (uint64_t i = 0; i < frames.size(); ++i) {
      EXPECT_EQ(frames[i].header.tag, i << 40);
      EXPECT_EQ(frames[i].payload, payloads[i]);
    }
    EXPECT_FALSE(reader.in_the_middle_of_a_frame());
  }
}

TEST(FrameReader, KnowsWhenAFrameIsIncomplete) {
  for (size_t size : {3, 16, 18}) {
    FrameReader reader(100);
    Bytes wire = Wire(1, {1, 2, 3});
    wire.resize(size);
    EXPECT_TRUE(Feed(reader, wire, 100).empty());
    EXPECT_TRUE(reader.in_the_middle_of_a_frame());
  }
}

TEST(FrameReader, RefusesAnOversizedFrameByItsHeader) {
  FrameReader reader(100);
  Bytes wire = Wire(9, {});
  wire[7] = 0xff;  // announces nearly 4 GiB
  ExpectContains(ErrorOf([&] { Feed(reader, wire, 100); }), "oversized frame: tag 9");
  FrameReader abort(uint64_t{1} << 30);
  ExpectContains(ErrorOf([&] { Feed(abort, Wire(0, Bytes(kMaxReasonBytes + 1), FrameKind::kAbort), 100); }),
                 "oversized");
}

TEST(FrameReader, RefusesWhatIsNoFrame) {
  for (size_t byte : {0, 1, 2, 3}) {
    FrameReader reader(100);
    Bytes wire = Wire(1, {});
    wire[byte] ^= 0x40;
    ExpectContains(ErrorOf([&] { Feed(reader, wire, 100); }), "malformed frame");
  }
}

TEST(Greeting, SurvivesTheWireAndTellsMismatches) {
  Greeting mine{kWireVersion, 1, 2, SessionId{7}};
  const Greeting theirs{kWireVersion, 2, 1, SessionId{7}};
  const auto decoded = DecodeGreeting(Encode(theirs).data());
  ASSERT_TRUE(decoded.has_value());
  EXPECT_EQ(Mismatch(mine, *decoded), "");

  Greeting other = theirs;
  other.version = 99;
  ExpectContains(Mismatch(mine, other), "version 99");
  other = theirs;
  other.own = 0;
  ExpectContains(Mismatch(mine, other), "it is party 0, expected party 2");
  other = theirs;
  other.expected = 0;
  ExpectContains(Mismatch(mine, other), "does not expect party 1");
  other = theirs;
  other.session[15] = 1;
  ExpectContains(Mismatch(mine, other), "another session");

  auto bytes = Encode(theirs);
  bytes[0] = 'H';
  EXPECT_FALSE(DecodeGreeting(bytes.data()).has_value());
}

}  // namespace
}  // namespace ditto
