// What a party proves itself with, and by what it knows the others.
//
// Parties are pinned by certificate: a peer is who it says if the certificate it shows is, byte for byte (DER), the one
// pinned for that party, it proves in the TLS handshake that it has the private key to it, and the certificate's
// validity time includes now, when the connection is opened. No authority is asked and no chain is walked. There are
// three parties, each the others' counterpart by contract: an authority could only add somebody who may name others,
// which is one more who can impersonate a party. The price: when a certificate is renewed, the others pin the new one.
//
// The key's text is read in place; what is decoded from it, and the key itself, which lives in OpenSSL's object, are
// wiped when freed. Two things are not: the text, which is its owner's affair, and a buffer that OpenSSL 3.0 frees as
// it is after reading the key (der2key_decode), until the memory is used again. No error shows any of it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

struct ssl_ctx_st;
struct ssl_st;
struct x509_st;

namespace ditto {

// Whose certificate a peer may show on one connection, and what came of it.
struct PeerCheck {
  std::optional<int> expected;  // otherwise any party that has a pinned certificate
  int party = -1;               // whose certificate was shown, once it was found right
  std::string problem;          // or why it was not
};

class Credentials {
 public:
  // Own certificate, followed by the chain of its issuers if there is one, own private key, and for each peer party its
  // certificate, all as PEM. Throws std::invalid_argument for text that cannot be read (which a key under a password is
  // too), a key that belongs to another certificate, and certificates of two parties that are the same. Own validity
  // time is not looked at: the peers do that, and their refusal says so.
  Credentials(std::string_view certificate, std::string_view key, const std::map<int, std::string>& peers);
  ~Credentials();
  Credentials(const Credentials&) = delete;
  Credentials& operator=(const Credentials&) = delete;

  bool Pins(int party) const { return pins_.count(party) > 0; }

  // A TLS connection still without input and output, to be freed with SSL_free before these credentials. TLS 1.3 only,
  // both sides show a certificate, no session is ever resumed and no data are sent early. `check` outlives it.
  ssl_st* NewConnection(PeerCheck* check) const;

  // Says in `check` what to think of a peer's certificate. An X509_V_... code, from which TLS makes its alert.
  int Check(x509_st* certificate, PeerCheck* check) const;

 private:
  using Der = std::vector<uint8_t>;
  struct Free {
    void operator()(ssl_ctx_st* context) const;
  };

  std::map<int, Der> pins_;
  std::unique_ptr<ssl_ctx_st, Free> context_;
};

}  // namespace ditto
