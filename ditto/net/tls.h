// One TLS connection between buffers: what came from the wire is put in, what is to go there is taken out. No sockets.
//
// Guaranteed to two parties with right credentials, against whoever can read, change, hold back or inject what travels
// between them: nobody else reads a byte of what they exchange or adds to it; bytes come in the order sent, once; an
// end that the peer did not mean is told from one that it did; what was recorded stays secret if a private key is lost
// later (TLS 1.3 with ephemeral keys). How much is sent, when, and between whom, can be seen.
//
// An SSL object serves one thread at a time, but a channel reads and writes on two: a mutex is held while bytes are
// encrypted or decrypted, and not while the socket is waited for or copies. The wire's bytes lie in a BIO pair, two
// rings of which the socket reads and writes directly.
#pragma once

#include <asio.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "ditto/net/credentials.h"

struct bio_st;
struct ssl_st;

namespace ditto {

class Tls {
 public:
  enum class Side { kConnects, kListens };

  // Under one key AES-GCM keeps its margin for 2^24.5 records (RFC 8446, 5.5).
  static constexpr uint64_t kRecordsPerKey = uint64_t{1} << 23;

  // `expected`: the party that the peer has to be; without it any with a pinned certificate. After `records_per_key`
  // records this side goes on under a new key.
  Tls(std::shared_ptr<const Credentials> credentials, Side side, std::optional<int> expected,
      uint64_t records_per_key = kRecordsPerKey);
  ~Tls();

  // Goes on with the handshake. True once it is done; false if more of the peer's bytes are needed. To be called first.
  // Throws ChannelError if the peer is not whom it should be, or this party not for it; what is to be sent then still
  // is.
  bool Handshake();
  // Whose certificate the peer has shown.
  int peer_party() const { return check_.party; }

  // Receiving; one thread. Where bytes from the wire go, that so many were put there, and what they mean: how many
  // bytes of plain text were put to `to`, 0 if there are no more. Throws ChannelError if the peer refused this party or
  // if the bytes were not sent by the peer; nothing more can be read then.
  asio::mutable_buffer Space();
  void Received(size_t size);
  size_t Read(asio::mutable_buffer to);
  // Whether the peer has said that it sends no more. Bytes that end otherwise were cut off.
  bool ended() const { return ended_; }

  // Sending; one thread, which may be another. Encrypts as much as there is room for, and tells how much that was.
  size_t Write(const std::vector<asio::const_buffer>& plain, asio::error_code& error);
  // Says that this side sends no more. To be called when everything has been sent.
  void Finish();
  // What is to go out, and that so much of it did. Nothing if there is nothing.
  asio::const_buffer Output();
  void Sent(size_t size);

 private:
  [[noreturn]] void Throw(const char* doing, int result);
  bool WriteRecord(asio::const_buffer plain);

  const std::shared_ptr<const Credentials> credentials_;
  const uint64_t records_per_key_;
  PeerCheck check_;
  std::mutex mutex_;  // the SSL object and the rings' ends
  std::unique_ptr<ssl_st, void (*)(ssl_st*)> ssl_;
  std::unique_ptr<bio_st, int (*)(bio_st*)> wire_;  // our end of the pair
  bool ended_ = false;
  std::vector<uint8_t> shared_record_;  // of several short buffers
  uint64_t records_ = 0;                // sent under the present key
};

}  // namespace ditto
