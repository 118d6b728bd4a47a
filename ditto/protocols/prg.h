// The pairwise pseudo-random streams: AES-128 in counter mode.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace ditto {

// Wiped when it goes, whoever holds it.
struct PrgKey : std::array<uint8_t, 16> {
  ~PrgKey();
};

// The pairwise keys of one session; a party's copy leaves the key it must not know at zero and unused.
struct PairKeys {
  PrgKey k01{};
  PrgKey k02{};
  PrgKey k12{};
};

// The stream of one (key, domain). A domain is used once in the life of a key: its counter never restarts.
class PrgStream {
 public:
  PrgStream(const PrgKey& key, uint64_t domain);
  ~PrgStream();
  PrgStream(const PrgStream&) = delete;
  PrgStream& operator=(const PrgStream&) = delete;

  // The next `size` bytes of the stream.
  void Fill(void* out, size_t size);

 private:
  struct Cipher;
  std::unique_ptr<Cipher> cipher_;
};

// A key from the operating system's generator. Throws std::runtime_error if it fails.
PrgKey FreshKey();

}  // namespace ditto
