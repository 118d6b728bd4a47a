#include "ditto/net/tls.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <cstring>
#include <new>

#include "ditto/net/channel.h"

namespace ditto {
namespace {

constexpr size_t kRecordBytes = SSL3_RT_MAX_PLAIN_LENGTH;
// A record, and the key update that may come before it.
constexpr size_t kRecordRoom = kRecordBytes + 2 * SSL3_RT_MAX_ENCRYPTED_OVERHEAD;
// So many records go to the socket in one call as fit in here.
constexpr size_t kRingBytes = 256 << 10;

using Guard = std::lock_guard<std::mutex>;

bool IsAboutCertificates(int alert) {
  return (alert >= SSL_AD_BAD_CERTIFICATE && alert <= SSL_AD_CERTIFICATE_UNKNOWN) || alert == SSL_AD_UNKNOWN_CA ||
         alert == SSL_AD_CERTIFICATE_REQUIRED;
}

// A walk along several buffers.
class Cursor {
 public:
  explicit Cursor(const std::vector<asio::const_buffer>& buffers) : at_(buffers.begin()), end_(buffers.end()) {
    if (!done()) rest_ = *at_;
  }

  bool done() const { return at_ == end_; }

  // The next bytes that lie together, at most so many.
  asio::const_buffer Take(size_t most) {
    if (done()) return {};
    const asio::const_buffer taken = asio::buffer(rest_, most);
    rest_ += taken.size();
    if (rest_.size() == 0 && ++at_ != end_) rest_ = *at_;
    return taken;
  }

 private:
  std::vector<asio::const_buffer>::const_iterator at_;
  const std::vector<asio::const_buffer>::const_iterator end_;
  asio::const_buffer rest_;
};

}  // namespace

Tls::Tls(std::shared_ptr<const Credentials> credentials, Side side, std::optional<int> expected,
         uint64_t records_per_key)
    : credentials_(std::move(credentials)),
      records_per_key_(records_per_key),
      check_{expected, -1, {}},
      ssl_(credentials_->NewConnection(&check_), SSL_free),
      wire_(nullptr, BIO_free),
      shared_record_(kRecordBytes) {
  BIO* inner = nullptr;
  BIO* outer = nullptr;
  if (!BIO_new_bio_pair(&inner, kRingBytes, &outer, kRingBytes)) throw std::bad_alloc();
  SSL_set_bio(ssl_.get(), inner, inner);
  wire_.reset(outer);
  side == Side::kListens ? SSL_set_accept_state(ssl_.get()) : SSL_set_connect_state(ssl_.get());
}

Tls::~Tls() = default;

void Tls::Throw(const char* doing, int result) {
  const int kind = SSL_get_error(ssl_.get(), result);
  const unsigned long code = ERR_peek_error();
  const int reason = kind == SSL_ERROR_SSL ? ERR_GET_REASON(code) : 0;
  std::string text;
  if (!check_.problem.empty()) {
    text = check_.problem;
  } else if (reason >= SSL_AD_REASON_OFFSET) {
    const int alert = reason - SSL_AD_REASON_OFFSET;
    text = std::string("it ended the connection with the TLS alert ") + SSL_alert_desc_string_long(alert);
    if (IsAboutCertificates(alert)) {
      text += "; check that it has pinned this party's certificate, and that it is still valid";
    }
  } else if (reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE) {
    text = "it shows no certificate; check that it is a party and has credentials";
  } else if (!SSL_is_init_finished(ssl_.get()) &&
             (reason == SSL_R_WRONG_VERSION_NUMBER || reason == SSL_R_HTTP_REQUEST)) {
    text = "it does not speak TLS; check the address, and that it has credentials";
  } else {
    const char* what = ERR_reason_error_string(code);
    text = std::string(doing) + " failed: " + (what ? what : "unknown error");
  }
  ERR_clear_error();
  throw ChannelError(text);
}

bool Tls::Handshake() {
  Guard guard(mutex_);
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_.get());
  if (result == 1) return true;
  const int kind = SSL_get_error(ssl_.get(), result);
  if (kind == SSL_ERROR_WANT_READ || kind == SSL_ERROR_WANT_WRITE) return false;
  Throw("the TLS handshake", result);
}

asio::mutable_buffer Tls::Space() {
  Guard guard(mutex_);
  char* data = nullptr;
  const int size = BIO_nwrite0(wire_.get(), &data);
  return {data, static_cast<size_t>(std::max(size, 0))};
}

void Tls::Received(size_t size) {
  Guard guard(mutex_);
  char* data = nullptr;
  BIO_nwrite(wire_.get(), &data, static_cast<int>(size));
}

size_t Tls::Read(asio::mutable_buffer to) {
  Guard guard(mutex_);
  ERR_clear_error();
  size_t size = 0;
  const int result = SSL_read_ex(ssl_.get(), to.data(), to.size(), &size);
  if (result == 1) return size;
  const int kind = SSL_get_error(ssl_.get(), result);
  if (kind == SSL_ERROR_ZERO_RETURN) ended_ = true;
  if (ended_ || kind == SSL_ERROR_WANT_READ || kind == SSL_ERROR_WANT_WRITE) return 0;
  Throw("TLS", result);
}

bool Tls::WriteRecord(asio::const_buffer plain) {
  ERR_clear_error();
  if (records_ == records_per_key_) {
    if (SSL_key_update(ssl_.get(), SSL_KEY_UPDATE_NOT_REQUESTED) != 1) return false;
    records_ = 0;
  }
  ++records_;
  size_t written = 0;
  SSL_write_ex(ssl_.get(), plain.data(), plain.size(), &written);
  ERR_clear_error();
  return written == plain.size();
}

size_t Tls::Write(const std::vector<asio::const_buffer>& plain, asio::error_code& error) {
  error = {};
  size_t total = 0;
  for (Cursor cursor(plain); !cursor.done();) {
    Guard guard(mutex_);
    if (BIO_ctrl_get_write_guarantee(SSL_get_wbio(ssl_.get())) < kRecordRoom) break;
    asio::const_buffer record = cursor.Take(kRecordBytes);
    if (record.size() < kRecordBytes && !cursor.done()) {
      size_t size = 0;
      for (; record.size() > 0; record = cursor.Take(kRecordBytes - size)) {
        std::memcpy(shared_record_.data() + size, record.data(), record.size());
        size += record.size();
      }
      record = {shared_record_.data(), size};
    }
    if (!WriteRecord(record)) {
      error = asio::error::connection_aborted;
      break;
    }
    total += record.size();
  }
  return total;
}

void Tls::Finish() {
  Guard guard(mutex_);
  ERR_clear_error();
  SSL_shutdown(ssl_.get());
  ERR_clear_error();
}

asio::const_buffer Tls::Output() {
  Guard guard(mutex_);
  char* data = nullptr;
  const int size = BIO_nread0(wire_.get(), &data);
  return {data, static_cast<size_t>(std::max(size, 0))};
}

void Tls::Sent(size_t size) {
  Guard guard(mutex_);
  char* data = nullptr;
  BIO_nread(wire_.get(), &data, static_cast<int>(size));
}

}  // namespace ditto
