// One ordered, reliable, private connection between two parties.
//
// Frames carry a tag (which protocol call they belong to), so that independent operations can be under way at once on
// one connection. Sending queues and returns; receiving waits for the next frame with the wanted tag. Every method
// may be called from several threads at once. Destroying a channel first delivers what was sent.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace ditto {

using Bytes = std::vector<uint8_t>;

// A lost peer, a time-out, a malformed or oversized frame. The message names the peer and what was awaited.
class ChannelError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct ChannelOptions {
  // What the peer is called in error messages, such as "P2".
  std::string peer_name = "peer";
  // The longest wait of one Send or Receive.
  std::chrono::milliseconds timeout = std::chrono::seconds(60);
  // A longer frame is refused by the sender, and by the receiver before it allocates anything. At most 2^32 - 1.
  uint64_t max_frame_bytes = uint64_t{1} << 30;
  // Bytes that may lie unread at the receiver before the sender has to wait; 0 means any number. A receiver
  // that waits for a frame is sent everything, whatever lies unread under other tags: the limit cannot deadlock it.
  uint64_t buffer_limit_bytes = 0;
};

struct ChannelStats {
  uint64_t frames_sent = 0;
  uint64_t payload_bytes_sent = 0;
  uint64_t frames_received = 0;
  uint64_t payload_bytes_received = 0;
};

class Channel {
 public:
  virtual ~Channel() = default;

  // Queues a frame. Waits only while more than the buffer limit is unread.
  // Throws ChannelError if the connection has failed, the wait times out or the frame is too long.
  virtual void Send(uint64_t tag, Bytes payload) = 0;

  // The next frame with this tag, in the order sent. Frames that arrived before the peer closed the connection are
  // still handed out. Throws ChannelError when the peer is gone or the time-out passes.
  virtual Bytes Receive(uint64_t tag) = 0;

  // Wakes every waiting call on both sides with a ChannelError that carries `reason`; unread frames are dropped.
  virtual void Abort(const std::string& reason) = 0;

  // Frames count as sent when Send returns and as received when Receive hands them out.
  virtual ChannelStats stats() const = 0;
};

}  // namespace ditto
