// Certificates for tests, made when they are needed.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "ditto/net/credentials.h"

namespace ditto {

struct TestCertificate {
  std::string certificate;  // PEM
  std::string key;          // PEM
};

// Signed by itself, on a fresh P-256 key. Valid from and until so many seconds from now.
TestCertificate MakeTestCertificate(const std::string& name, long from = -3600, long until = 3600);

// The same key, under a password.
std::string UnderPassword(const std::string& key);

// The certificate of a party of this process, always the same.
const TestCertificate& PartyCertificate(int party);

// Those of `party`, who knows the other two of 0, 1 and 2, always the same.
std::shared_ptr<const Credentials> PartyCredentials(int party);

// Those of one who shows `own` and knows parties 0, 1 and 2 as they are, except `party`.
std::shared_ptr<const Credentials> CredentialsWith(const TestCertificate& own, int party);

}  // namespace ditto
