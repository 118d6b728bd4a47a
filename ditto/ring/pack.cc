#include "ditto/ring/pack.h"

#include <array>
#include <cstring>
#include <type_traits>
#include <utility>

#include "ditto/ring/loop.h"
#include "ditto/ring/threads.h"

namespace ditto {
namespace {

// Bytes and words are moved with memcpy and shifts as a little-endian machine holds them.
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "packing is written for little-endian machines");

// A packing kernel moves whole 64-bit words: this many elements fill kWords<W> words exactly.
constexpr int Gcd(int a, int b) { return b == 0 ? a : Gcd(b, a % b); }
template <int W>
inline constexpr int kGroup = 64 / Gcd(64, W);
template <int W>
inline constexpr int kWords = W / Gcd(64, W);

// Blocks of 64 elements, W words each. Everything but the loop over blocks is unrolled, so that every shift is by a
// constant and the words of a group stay in registers.
template <int W, class T>
void PackBlocks(const T* in, uint8_t* out, int64_t blocks) {
  for (int64_t group = 0; group < blocks * 64 / kGroup<W>; ++group) {
    uint64_t words[kWords<W>] = {};
#pragma GCC unroll 64
    for (int i = 0; i < kGroup<W>; ++i) {
      const uint64_t value = in[i] & WidthMask<T>(W);
      const int word = i * W / 64;
      const int offset = i * W % 64;
      words[word] |= value << offset;
      if (offset + W > 64) words[word + 1] |= value >> (64 - offset);
    }
    std::memcpy(out, words, sizeof(words));
    in += kGroup<W>;
    out += sizeof(words);
  }
}

template <int W, class T>
void UnpackBlocks(const uint8_t* in, T* out, int64_t blocks) {
  for (int64_t group = 0; group < blocks * 64 / kGroup<W>; ++group) {
    uint64_t words[kWords<W>];
    std::memcpy(words, in, sizeof(words));
#pragma GCC unroll 64
    for (int i = 0; i < kGroup<W>; ++i) {
      const int word = i * W / 64;
      const int offset = i * W % 64;
      uint64_t value = words[word] >> offset;
      if (offset + W > 64) value |= words[word + 1] << (64 - offset);
      out[i] = static_cast<T>(value) & WidthMask<T>(W);
    }
    in += sizeof(words);
    out += kGroup<W>;
  }
}

// Eight bits at a time: the multiplications gather the low bits of eight bytes in the top byte, and spread a byte.
void PackBits(const uint8_t* in, uint8_t* out, int64_t blocks) {
  ForEach(blocks * 8, [=](int64_t i) DITTO_KERNEL {
    uint64_t bytes;
    std::memcpy(&bytes, in + 8 * i, 8);
    out[i] = static_cast<uint8_t>((bytes * 0x0102040810204080) >> 56);
  });
}

void UnpackBits(const uint8_t* in, uint8_t* out, int64_t blocks) {
  ForEach(blocks * 8, [=](int64_t i) DITTO_KERNEL {
    // Byte j keeps bit j of the input; adding 0x7f carries it, if set, into the byte's top bit.
    const uint64_t spread = (uint64_t{in[i]} * 0x0101010101010101) & 0x8040201008040201;
    const uint64_t bytes = ((spread + 0x7f7f7f7f7f7f7f7f) >> 7) & 0x0101010101010101;
    std::memcpy(out + 8 * i, &bytes, 8);
  });
}

// Whole bytes: every element is stored as a whole word, whose upper bytes the next element overwrites. Twice as fast as
// PackBlocks.
template <int W, class T>
void PackBytes(const T* in, uint8_t* out, int64_t blocks) {
  if (blocks == 0) return;
  const int64_t last = blocks * 64 - 1;
  for (int64_t i = 0; i < last; ++i) std::memcpy(out + i * (W / 8), in + i, sizeof(T));
  std::memcpy(out + last * (W / 8), in + last, W / 8);
}

// Widths that are themselves words: conversions, which the compiler vectorises.
template <class Wire, class T>
void PackWhole(const T* in, uint8_t* out, int64_t blocks) {
  ForEach(blocks * 64, [=](int64_t i) DITTO_KERNEL {
    const auto value = static_cast<Wire>(in[i]);
    std::memcpy(out + sizeof(Wire) * i, &value, sizeof(Wire));
  });
}

template <class Wire, class T>
void UnpackWhole(const uint8_t* in, T* out, int64_t blocks) {
  ForEach(blocks * 64, [=](int64_t i) DITTO_KERNEL {
    Wire value;
    std::memcpy(&value, in + sizeof(Wire) * i, sizeof(Wire));
    out[i] = value;
  });
}

template <int W>
void PackWidth(const void* in, uint8_t* out, int64_t blocks) {
  if constexpr (W == 1) {
    PackBits(static_cast<const uint8_t*>(in), out, blocks);
  } else if constexpr (W == 8) {
    PackWhole<uint8_t>(static_cast<const uint32_t*>(in), out, blocks);
  } else if constexpr (W == 16) {
    PackWhole<uint16_t>(static_cast<const uint32_t*>(in), out, blocks);
  } else if constexpr (W == 32 || W == 64) {
    std::memcpy(out, in, static_cast<size_t>(blocks) * 8 * W);
  } else if constexpr (W % 8 == 0) {
    using T = std::conditional_t<W <= 32, uint32_t, uint64_t>;
    PackBytes<W>(static_cast<const T*>(in), out, blocks);
  } else {
    using T = std::conditional_t<W <= 32, uint32_t, uint64_t>;
    PackBlocks<W>(static_cast<const T*>(in), out, blocks);
  }
}

template <int W>
void UnpackWidth(const uint8_t* in, void* out, int64_t blocks) {
  if constexpr (W == 1) {
    UnpackBits(in, static_cast<uint8_t*>(out), blocks);
  } else if constexpr (W == 8) {
    UnpackWhole<uint8_t>(in, static_cast<uint32_t*>(out), blocks);
  } else if constexpr (W == 16) {
    UnpackWhole<uint16_t>(in, static_cast<uint32_t*>(out), blocks);
  } else if constexpr (W == 32 || W == 64) {
    std::memcpy(out, in, static_cast<size_t>(blocks) * 8 * W);
  } else {
    using T = std::conditional_t<W <= 32, uint32_t, uint64_t>;
    UnpackBlocks<W>(in, static_cast<T*>(out), blocks);
  }
}

using PackFunction = void (*)(const void*, uint8_t*, int64_t);
using UnpackFunction = void (*)(const uint8_t*, void*, int64_t);

template <int... I>
constexpr std::array<PackFunction, kMaxWidth> PackTable(std::integer_sequence<int, I...>) {
  return {PackWidth<I + 1>...};
}
template <int... I>
constexpr std::array<UnpackFunction, kMaxWidth> UnpackTable(std::integer_sequence<int, I...>) {
  return {UnpackWidth<I + 1>...};
}

constexpr auto kPack = PackTable(std::make_integer_sequence<int, kMaxWidth>());
constexpr auto kUnpack = UnpackTable(std::make_integer_sequence<int, kMaxWidth>());

// Blocks of 64 elements that one thread takes at the least.
constexpr int64_t kGrain = 1 << 10;

// A last, partial block of `count` elements goes through buffers of a whole one.
struct PartialBlock {
  alignas(64) uint8_t words[64 * 8] = {};
  alignas(64) uint8_t wire[64 * 8] = {};
};

}  // namespace

void Pack(const Tensor& t, uint8_t* out) {
  const int width = t.width();
  const int64_t blocks = t.size() / 64;
  const int64_t word_bytes = WordBytes(width);
  const auto* in = t.data<uint8_t>();
  const PackFunction pack = kPack[width - 1];
  if (blocks > 0)
    ParallelFor(blocks, kGrain, [&](int64_t begin, int64_t end) {
      pack(in + begin * 64 * word_bytes, out + begin * 8 * width, end - begin);
    });
  if (const int64_t rest = t.size() % 64; rest > 0) {
    PartialBlock last;
    std::memcpy(last.words, in + blocks * 64 * word_bytes, static_cast<size_t>(rest * word_bytes));
    pack(last.words, last.wire, 1);
    std::memcpy(out + blocks * 8 * width, last.wire, static_cast<size_t>((rest * width + 7) / 8));
  }
}

Tensor Unpack(const uint8_t* in, const Shape& shape, int width) {
  Tensor t(shape, width);
  const int64_t blocks = t.size() / 64;
  const int64_t word_bytes = WordBytes(width);
  auto* out = t.mutable_data<uint8_t>();
  const UnpackFunction unpack = kUnpack[width - 1];
  ParallelFor(blocks, kGrain, [&](int64_t begin, int64_t end) {
    unpack(in + begin * 8 * width, out + begin * 64 * word_bytes, end - begin);
  });
  if (const int64_t rest = t.size() % 64; rest > 0) {
    PartialBlock last;
    std::memcpy(last.wire, in + blocks * 8 * width, static_cast<size_t>((rest * width + 7) / 8));
    unpack(last.wire, last.words, 1);
    std::memcpy(out + blocks * 64 * word_bytes, last.words, static_cast<size_t>(rest * word_bytes));
  }
  return t;
}

}  // namespace ditto
