#include "ditto/protocols/prg.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace ditto {
namespace {

// Counter mode encrypts zeros. Reading them from one cached page is cheaper than clearing the output first.
constexpr size_t kChunk = 4096;
constexpr uint8_t kZeros[kChunk] = {};

// Fills below this size are cut from a block made ahead: a call into OpenSSL costs as much as 150 bytes of stream.
constexpr size_t kBlock = 256;

void Check(bool ok, const char* what) {
  if (!ok) throw std::runtime_error(std::string("AES-128-CTR: OpenSSL failed to ") + what);
}

// Looking the cipher up by name takes longer than encrypting kilobytes, so it is done once in a process.
const EVP_CIPHER* Aes128Ctr() {
  static EVP_CIPHER* const cipher = EVP_CIPHER_fetch(nullptr, "AES-128-CTR", nullptr);
  Check(cipher != nullptr, "find the cipher");
  return cipher;
}

}  // namespace

struct PrgStream::Cipher {
  EVP_CIPHER_CTX* context = nullptr;
  uint8_t block[kBlock];
  size_t used = kBlock;  // bytes of `block` already handed out

  ~Cipher() {
    // This wipes the key; what the block still holds are masks.
    EVP_CIPHER_CTX_free(context);
    OPENSSL_cleanse(block, kBlock);
  }

  void Generate(uint8_t* out, size_t size) {
    while (size > 0) {
      const size_t now = std::min(size, kChunk);
      int written = 0;
      Check(EVP_EncryptUpdate(context, out, &written, kZeros, static_cast<int>(now)) == 1, "encrypt");
      out += now;
      size -= now;
    }
  }
};

PrgKey::~PrgKey() { OPENSSL_cleanse(data(), size()); }

PrgStream::PrgStream(const PrgKey& key, uint64_t domain) : cipher_(std::make_unique<Cipher>()) {
  // The counter block, big-endian as OpenSSL counts: the domain, then the number of the block from 0.
  uint8_t iv[16] = {};
  for (int i = 0; i < 8; ++i) iv[i] = static_cast<uint8_t>(domain >> (56 - 8 * i));
  cipher_->context = EVP_CIPHER_CTX_new();
  Check(cipher_->context != nullptr, "allocate a context");
  Check(EVP_EncryptInit_ex2(cipher_->context, Aes128Ctr(), key.data(), iv, nullptr) == 1, "set the key");
}

PrgStream::~PrgStream() = default;

void PrgStream::Fill(void* out, size_t size) {
  auto* to = static_cast<uint8_t*>(out);
  const size_t ready = std::min(size, kBlock - cipher_->used);
  if (ready > 0) {
    std::memcpy(to, cipher_->block + cipher_->used, ready);
    cipher_->used += ready;
    to += ready;
    size -= ready;
  }
  if (size == 0) return;
  // Whole blocks go straight to the caller, so the stream's bytes do not depend on how it is cut into fills.
  const size_t whole = size - size % kBlock;
  cipher_->Generate(to, whole);
  if (whole == size) return;
  cipher_->Generate(cipher_->block, kBlock);
  cipher_->used = size - whole;
  std::memcpy(to + whole, cipher_->block, cipher_->used);
}

PrgKey FreshKey() {
  PrgKey key;
  if (RAND_bytes(key.data(), static_cast<int>(key.size())) != 1) {
    throw std::runtime_error("the operating system's random generator failed: no session key can be made");
  }
  return key;
}

}  // namespace ditto
