// The channel on a connected and greeted socket. Internal to the TCP implementation: users include tcp_channel.h.
#pragma once

#include <array>
#include <asio.hpp>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "ditto/net/channel.h"
#include "ditto/net/frame.h"
#include "ditto/net/frame_reader.h"
#include "ditto/net/inbox.h"
#include "ditto/net/tls.h"

namespace ditto {

class TcpStream : public Channel {
 public:
  // `socket` belongs to `io`, which this channel runs from now on. Without `tls`, whose handshake is done, the bytes
  // travel as they are.
  TcpStream(std::shared_ptr<asio::io_context> io, asio::ip::tcp::socket socket, std::unique_ptr<Tls> tls,
            const ChannelOptions& options);
  ~TcpStream() override;

  void Send(uint64_t tag, Bytes payload) override;
  Bytes Receive(uint64_t tag) override { return inbox_.Pop(tag); }
  void Abort(const std::string& reason) override;
  ChannelStats stats() const override;

 private:
  struct OutFrame {
    std::array<uint8_t, kHeaderBytes> header;
    Bytes payload;
    size_t size() const { return header.size() + payload.size(); }
  };
  using Lock = std::unique_lock<std::mutex>;

  // Writing. Whoever sets writing_ owns the sending side of the socket (and of TLS) until it is unset; while the socket
  // takes no more, that is the background thread.
  void Flush(Lock& lock);
  void Gather();
  size_t Write(asio::error_code& error);
  void Written(size_t size);
  void QueueAbort();
  void AwaitWritable();

  // Reading, on the background thread.
  void Run();
  void Read();
  void ReadEncrypted();
  bool Take(size_t size);
  void Lost(const asio::error_code& error);
  void End(const std::string& reason, bool drop_unread);

  std::string Sending(uint64_t tag) const;

  const ChannelOptions options_;
  const std::shared_ptr<asio::io_context> io_;
  asio::ip::tcp::socket socket_;
  const std::unique_ptr<Tls> tls_;
  const asio::executor_work_guard<asio::io_context::executor_type> work_;
  Inbox inbox_;
  FrameReader reader_;

  mutable std::mutex mutex_;         // everything below
  std::condition_variable changed_;  // something was written, or the channel has failed
  std::deque<OutFrame> queue_;
  size_t queued_bytes_ = 0;
  size_t front_written_ = 0;  // bytes of the first frame
  uint64_t writes_ = 0;       // how often some bytes went out
  bool writing_ = false;
  std::vector<asio::const_buffer> gather_;  // of the writer
  std::string closed_;                      // why nothing can be sent any more
  std::optional<std::string> abort_;        // the reason to tell the peer, until it is queued
  bool aborted_ = false;
  bool dead_ = false;  // the socket takes no more bytes
  uint64_t frames_sent_ = 0;
  uint64_t bytes_sent_ = 0;

  std::thread thread_;
};

}  // namespace ditto
