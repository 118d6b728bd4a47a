#include "ditto/net/credentials.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <algorithm>
#include <ctime>
#include <limits>
#include <stdexcept>

namespace ditto {
namespace {

template <auto kFree>
struct FreeWith {
  template <class T>
  void operator()(T* object) const {
    kFree(object);
  }
};
using BioPtr = std::unique_ptr<BIO, FreeWith<BIO_free>>;
using CertificatePtr = std::unique_ptr<X509, FreeWith<X509_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, FreeWith<EVP_PKEY_free>>;

[[noreturn]] void Refuse(const std::string& why) {
  ERR_clear_error();
  throw std::invalid_argument(why);
}

BioPtr Reader(std::string_view pem) {
  if (pem.size() > std::numeric_limits<int>::max()) Refuse("a certificate or key of more than 2 GB");
  return BioPtr(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
}

// OpenSSL would ask at the terminal.
int NoPassword(char*, int, int, void*) { return -1; }

CertificatePtr ReadCertificate(BIO* reader) {
  return CertificatePtr(PEM_read_bio_X509(reader, nullptr, NoPassword, nullptr));
}

// PEM_read_bio_PrivateKey would not wipe what it decodes.
KeyPtr ReadKey(std::string_view pem) {
  uint8_t* der = nullptr;
  long size = 0;
  if (PEM_bytes_read_bio_secmem(&der, &size, nullptr, PEM_STRING_EVP_PKEY, Reader(pem).get(), NoPassword, nullptr) !=
      1) {
    return nullptr;
  }
  const uint8_t* at = der;
  KeyPtr key(d2i_AutoPrivateKey(nullptr, &at, size));
  OPENSSL_secure_clear_free(der, static_cast<size_t>(size));
  return key;
}

std::vector<uint8_t> ToDer(X509* certificate) {
  // A certificate that was parsed still has its own bytes: this is a copy, and does not fail.
  std::vector<uint8_t> der(static_cast<size_t>(std::max(0, i2d_X509(certificate, nullptr))));
  uint8_t* end = der.data();
  i2d_X509(certificate, &end);
  return der;
}

std::string ToText(const ASN1_TIME* time) {
  std::tm parts{};
  if (!ASN1_TIME_to_tm(time, &parts)) return "a time that cannot be read";
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &parts);
  return text;
}

std::string Fingerprint(const X509* certificate) {
  uint8_t digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (!X509_digest(certificate, EVP_sha256(), digest, &size)) return "unknown";
  std::string text;
  for (unsigned i = 0; i < size; ++i) {
    char byte[3];
    std::snprintf(byte, sizeof byte, "%02x", digest[i]);
    text += byte;
  }
  return text;
}

std::string Name(int party) { return "party " + std::to_string(party); }

// In the place of OpenSSL's walk up to an authority.
int Verify(X509_STORE_CTX* store, void* credentials) {
  const auto* ssl = static_cast<const SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  auto* check = static_cast<PeerCheck*>(SSL_get_app_data(ssl));
  const int result = static_cast<const Credentials*>(credentials)->Check(X509_STORE_CTX_get0_cert(store), check);
  X509_STORE_CTX_set_error(store, result);
  return result == X509_V_OK;
}

}  // namespace

void Credentials::Free::operator()(ssl_ctx_st* context) const { SSL_CTX_free(context); }

Credentials::Credentials(std::string_view certificate, std::string_view key, const std::map<int, std::string>& peers)
    : context_(SSL_CTX_new(TLS_method())) {
  SSL_CTX* context = context_.get();
  if (!context || !SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) ||
      !SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) ||
      !SSL_CTX_set_ciphersuites(context,
                                "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256")) {
    Refuse("this OpenSSL has no TLS 1.3");
  }
  SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_num_tickets(context, 0);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(context,
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_NO_AUTO_CHAIN);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  SSL_CTX_set_cert_verify_callback(context, Verify, this);

  const BioPtr chain = Reader(certificate);
  const CertificatePtr own = ReadCertificate(chain.get());
  if (!own) Refuse("the own certificate is no certificate in PEM form");
  if (SSL_CTX_use_certificate(context, own.get()) != 1) {
    const char* reason = ERR_reason_error_string(ERR_peek_last_error());
    Refuse("the own certificate cannot be used: " + std::string(reason ? reason : "unknown reason"));
  }
  while (const CertificatePtr issuer = ReadCertificate(chain.get())) SSL_CTX_add1_chain_cert(context, issuer.get());

  const KeyPtr private_key = ReadKey(key);
  if (!private_key) Refuse("the own private key is no key in PEM form, or is under a password; give it decrypted");
  if (X509_check_private_key(own.get(), private_key.get()) != 1 ||
      SSL_CTX_use_PrivateKey(context, private_key.get()) != 1) {
    Refuse("the own private key does not belong to the own certificate");
  }

  const Der own_der = ToDer(own.get());
  for (const auto& [party, pem] : peers) {
    const CertificatePtr pinned = ReadCertificate(Reader(pem).get());
    if (!pinned) Refuse("the certificate pinned for " + Name(party) + " is no certificate in PEM form");
    Der der = ToDer(pinned.get());
    if (der == own_der) Refuse("the certificate pinned for " + Name(party) + " is this party's own");
    for (const auto& [other, taken] : pins_) {
      if (der == taken) Refuse("the same certificate is pinned for " + Name(other) + " and " + Name(party));
    }
    pins_.emplace(party, std::move(der));
  }
  ERR_clear_error();
}

Credentials::~Credentials() = default;

ssl_st* Credentials::NewConnection(PeerCheck* check) const {
  SSL* connection = SSL_new(context_.get());
  if (!connection) throw std::bad_alloc();
  SSL_set_app_data(connection, check);
  return connection;
}

int Credentials::Check(x509_st* certificate, PeerCheck* check) const {
  const Der der = ToDer(certificate);
  const auto pin = std::find_if(pins_.begin(), pins_.end(), [&](const auto& pinned) { return pinned.second == der; });
  if (pin == pins_.end()) {
    check->problem = "its certificate is pinned for no party (SHA-256 " + Fingerprint(certificate) +
                     "); check that it is who it should be, then pin it";
    return X509_V_ERR_CERT_UNTRUSTED;
  }
  const int party = pin->first;
  if (check->expected && party != *check->expected) {
    check->problem = "its certificate is that of " + Name(party) + ", expected " + Name(*check->expected) +
                     "; check the parties' addresses";
    return X509_V_ERR_CERT_UNTRUSTED;
  }
  // A time that cannot be read compares as 0, which is neither.
  if (X509_cmp_current_time(X509_get0_notBefore(certificate)) >= 0) {
    check->problem = "the certificate of " + Name(party) + " is not valid before " +
                     ToText(X509_get0_notBefore(certificate)) + "; check the clocks";
    return X509_V_ERR_CERT_NOT_YET_VALID;
  }
  if (X509_cmp_current_time(X509_get0_notAfter(certificate)) <= 0) {
    check->problem = "the certificate of " + Name(party) + " expired on " + ToText(X509_get0_notAfter(certificate)) +
                     "; renew it, and pin the new one";
    return X509_V_ERR_CERT_HAS_EXPIRED;
  }
  check->party = party;
  return X509_V_OK;
}

}  // namespace ditto
