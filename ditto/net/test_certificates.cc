#include "ditto/net/test_certificates.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <array>
#include <stdexcept>

namespace ditto {
namespace {

template <class Write>
std::string ToPem(Write&& write) {
  std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new(BIO_s_mem()), BIO_free);
  if (write(bio.get()) != 1) throw std::runtime_error("cannot write PEM");
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return std::string(data, static_cast<size_t>(size));
}

}  // namespace

TestCertificate MakeTestCertificate(const std::string& name, long from, long until) {
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(X509_new(), X509_free);
  X509* x509 = certificate.get();
  X509_set_version(x509, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(x509), 1);
  X509_gmtime_adj(X509_getm_notBefore(x509), from);
  X509_gmtime_adj(X509_getm_notAfter(x509), until);
  X509_NAME* subject = X509_get_subject_name(x509);
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1,
                             0);
  X509_set_issuer_name(x509, subject);
  X509_set_pubkey(x509, key.get());
  if (X509_sign(x509, key.get(), EVP_sha256()) == 0) throw std::runtime_error("cannot sign a certificate");
  return {ToPem([&](BIO* bio) { return PEM_write_bio_X509(bio, x509); }), ToPem([&](BIO* bio) {
            return PEM_write_bio_PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
          })};
}

std::string UnderPassword(const std::string& key) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> reader(BIO_new_mem_buf(key.data(), static_cast<int>(key.size())),
                                                         BIO_free);
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> read(
      PEM_read_bio_PrivateKey(reader.get(), nullptr, nullptr, nullptr), EVP_PKEY_free);
  return ToPem([&](BIO* bio) {
    return PEM_write_bio_PKCS8PrivateKey(bio, read.get(), EVP_aes_256_cbc(), "secret", 6, nullptr, nullptr);
  });
}

const TestCertificate& PartyCertificate(int party) {
  static const std::array<TestCertificate, 3> kCertificates = {MakeTestCertificate("P0"), MakeTestCertificate("P1"),
                                                               MakeTestCertificate("P2")};
  return kCertificates.at(static_cast<size_t>(party));
}

std::shared_ptr<const Credentials> PartyCredentials(int party) {
  static const std::array<std::shared_ptr<const Credentials>, 3> all = {CredentialsWith(PartyCertificate(0), 0),
                                                                        CredentialsWith(PartyCertificate(1), 1),
                                                                        CredentialsWith(PartyCertificate(2), 2)};
  return all.at(static_cast<size_t>(party));
}

std::shared_ptr<const Credentials> CredentialsWith(const TestCertificate& own, int party) {
  std::map<int, std::string> peers;
  for (int other = 0; other < 3; ++other) {
    if (other != party) peers[other] = PartyCertificate(other).certificate;
  }
  return std::make_shared<Credentials>(own.certificate, own.key, peers);
}

}  // namespace ditto
