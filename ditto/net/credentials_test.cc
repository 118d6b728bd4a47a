#include "ditto/net/credentials.h"

#include <stdexcept>
#include <string>

#include "ditto/net/test_certificates.h"
#include "ditto/net/testing.h"
#include "gtest/gtest.h"

namespace ditto {
namespace {

std::string Refusal(const std::string& certificate, const std::string& key, const std::map<int, std::string>& peers) {
  try {
    Credentials(certificate, key, peers);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "no error";
}

TEST(Credentials, TellWhatIsWrongWithThem) {
  const TestCertificate own = MakeTestCertificate("own");
  const TestCertificate peer = MakeTestCertificate("peer");
  EXPECT_EQ(Refusal(own.certificate, own.key, {{1, peer.certificate}}), "no error");
  ExpectContains(Refusal("", own.key, {}), "the own certificate is no certificate");
  ExpectContains(Refusal(own.key, own.key, {}), "the own certificate is no certificate");
  ExpectContains(Refusal(own.certificate, own.certificate, {}), "the own private key is no key");
  ExpectContains(Refusal(own.certificate, peer.key, {}), "does not belong to the own certificate");
  ExpectContains(Refusal(own.certificate, own.key, {{2, "garbage"}}), "pinned for party 2 is no certificate");
  ExpectContains(Refusal(own.certificate, own.key, {{2, own.certificate}}), "pinned for party 2 is this party's own");
  ExpectContains(Refusal(own.certificate, own.key, {{0, peer.certificate}, {2, peer.certificate}}),
                 "the same certificate is pinned for party 0 and party 2");
}

TEST(Credentials, AreMadeOfAChainToo) {
  const TestCertificate own = MakeTestCertificate("own");
  const TestCertificate issuer = MakeTestCertificate("issuer");
  EXPECT_EQ(Refusal(own.certificate + issuer.certificate, own.key, {}), "no error");
  ExpectContains(Refusal(issuer.certificate + own.certificate, own.key, {}), "does not belong");
}

TEST(Credentials, NoErrorShowsTheKey) {
  const TestCertificate own = MakeTestCertificate("own");
  const TestCertificate peer = MakeTestCertificate("peer");
  const std::string broken = own.key.substr(0, own.key.size() / 2);
  const std::string secret = own.key.substr(own.key.find('\n') + 1, 16);
  for (const std::string& error : {Refusal(peer.certificate, own.key, {}), Refusal(own.certificate, broken, {}),
                                   Refusal(own.key, own.key, {}), Refusal(own.certificate, own.key, {{1, own.key}})}) {
    EXPECT_NE(error, "no error");
    EXPECT_EQ(error.find(secret), std::string::npos);
  }
}

TEST(Credentials, DoNotAskForAPassword) {
  const TestCertificate own = MakeTestCertificate("own");
  ExpectContains(Refusal(own.certificate, UnderPassword(own.key), {}), "or is under a password");
}

}  // namespace
}  // namespace ditto
