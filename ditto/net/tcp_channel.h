// A connection over TCP. Frames are framed and checked as frame.h says.
//
// One background thread per channel reads; the sending thread writes to the socket itself as long as the socket takes
// the bytes, and leaves the rest to the background thread. The connection is not encrypted: run it inside a private
// network, or through a tunnel that authenticates and encrypts.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "ditto/net/channel.h"
#include "ditto/net/frame.h"

namespace ditto {

// Who this party is in the session.
struct Identity {
  SessionId session{};
  int party = 0;
};

// Whom to expect at the other end, and how to treat the connection to it.
struct Peer {
  int party = 0;
  ChannelOptions options;
};

class TcpListener {
 public:
  // Port 0 takes any free port. Throws ChannelError if the address cannot be bound.
  TcpListener(const std::string& host, uint16_t port);
  ~TcpListener();

  uint16_t port() const;

  // Waits until each of `peers` has connected, in whatever order, and returns their channels in the order given.
  // Throws ChannelError if the time passes first, or if anyone connects who speaks another protocol or version,
  // belongs to another session, or is not among `peers`; whoever connected learns of the mismatch too.
  std::vector<std::unique_ptr<Channel>> Accept(const Identity& self, const std::vector<Peer>& peers,
                                               std::chrono::milliseconds timeout);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Connects to a listening party. Retries until the time has passed, as the peer may not be up yet.
// Throws ChannelError if nobody answers in time, the name cannot be resolved, or the peer is not whom we expect.
std::unique_ptr<Channel> ConnectTcp(const std::string& host, uint16_t port, const Identity& self, const Peer& peer,
                                    std::chrono::milliseconds timeout);

}  // namespace ditto
