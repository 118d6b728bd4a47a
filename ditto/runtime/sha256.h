// SHA-256 of several pieces, as hexadecimal text.
#pragma once

#include <openssl/evp.h>

#include <array>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>

namespace ditto {

class Sha256 {
 public:
  Sha256() : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
    Check(EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr));
  }
  void Add(const void* data, size_t size) { Check(EVP_DigestUpdate(context_.get(), data, size)); }
  // The length goes first, so that no two lists of texts hash alike.
  void AddText(const std::string& text) {
    const uint64_t size = text.size();
    Add(&size, sizeof(size));
    Add(text.data(), text.size());
  }
  std::string Hex() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
    unsigned int size = 0;
    Check(EVP_DigestFinal_ex(context_.get(), digest.data(), &size));
    std::string hex;
    for (unsigned int i = 0; i < size; ++i) {
      constexpr char kDigits[] = "0123456789abcdef";
      hex += kDigits[digest[i] >> 4];
      hex += kDigits[digest[i] & 15];
    }
    return hex;
  }

 private:
  static void Check(int ok) {
    if (ok != 1) throw std::runtime_error("OpenSSL cannot compute SHA-256");
  }
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

}  // namespace ditto
