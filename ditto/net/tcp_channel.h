// A connection over TCP, secured by TLS if this party has credentials. Frames are framed and checked as frame.h says.
//
// One background thread per channel reads; the sending thread writes to the socket itself as long as the socket takes
// the bytes, and leaves the rest to the background thread.
//
// With credentials: TLS 1.3, both sides authenticated by pinned certificates (credentials.h). Against whoever can read,
// change, hold back or inject what travels, and against whoever connects or is connected to, the parties keep what they
// say to themselves and know whom they say it to (tls.h); such a one can still prevent the session, by cutting it or by
// occupying the listener faster than parties get through. A certificate serves one party: to have that of P1 does not
// help to be P2. The session id is told to authenticated parties alone.
//
// Without credentials nothing is encrypted and anybody who knows the session id can be a party: run it inside one
// machine or a private network, or through a tunnel that authenticates and encrypts. The connecting side shows the
// session id to whoever answers; the listening side to nobody that has not shown it.
//
// Both ends in one process on two busy cores of an AMD EPYC, where AES-128-GCM takes 4.5 GB/s, at their best
// (channel_bench) and, in brackets, in processor time of both ends together:
//
//            16 bytes there and back   256 KiB there and back   frames of 1 MiB one way
//   plain     32 us (34 us)            115 us (134 us)          2.2 GB/s (0.5 ms a frame)
//   TLS       37 us (38 us)            430 us (476 us)          1.0 GB/s (1.4 ms a frame)
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "ditto/net/cancellation.h"
#include "ditto/net/channel.h"
#include "ditto/net/credentials.h"
#include "ditto/net/frame.h"

namespace ditto {

// Who this party is in the session, and by what it proves it.
struct Identity {
  SessionId session{};
  int party = 0;
  std::shared_ptr<const Credentials> credentials = nullptr;  // null: in the clear
};

// Whom to expect at the other end, and how to treat the connection to it.
struct Peer {
  int party = 0;
  ChannelOptions options;
};

// How much a listener bears with connections that belong to no session yet.
struct Reception {
  std::chrono::milliseconds patience = std::chrono::seconds(10);  // with each that has not shown whose it is
  size_t places = 64;                                             // for those; one more, and the oldest has to go
  // With each that has, but came before its session was opened here. There are as many places for these, which nobody
  // takes who has shown nothing.
  std::chrono::milliseconds parking = std::chrono::seconds(60);
};

// Connections that came to nothing.
struct TurnedAway {
  uint64_t count = 0;
  std::string last;        // why the last of them was
  std::string last_party;  // why the last was that is a party by its certificate or, without TLS, by its greeting
};

// Serves many sessions at once. It accepts connections from its construction on, on a thread of its own, and sorts them
// by the session that they belong to. Nobody who is slow, silent or wrong delays another.
class TcpListener {
 public:
  // Port 0 takes any free port. Throws ChannelError if the address cannot be bound.
  TcpListener(const std::string& host, uint16_t port, std::shared_ptr<const Credentials> credentials = nullptr,
              Reception reception = {});
  // Nobody may be waiting in Accept.
  ~TcpListener();

  uint16_t port() const;

  // Waits until each of `peers` has connected to this session, in whatever order, before or after this call, and
  // returns their channels in the order given. Several threads may wait, each for a session of its own. Whoever says
  // nothing, speaks another protocol or version, is not expected, or comes for a session that is not opened here in
  // time is turned away. A party learns why it was: with TLS once its certificate was found right, without it if it
  // speaks this protocol. That one is told the version and the number of this party, which are no secrets. Throws
  // ChannelError if the time passes first, if the session is cancelled or awaited by somebody else, if no certificate
  // is pinned for one of `peers`, and if this party's credentials are not those of the listener.
  std::vector<std::unique_ptr<Channel>> Accept(const Identity& self, const std::vector<Peer>& peers,
                                               std::chrono::milliseconds timeout);

  // Gives a session up: Accept, and whatever else heeds the session's cancellation, throws ChannelError(reason), also
  // if it is called only now. Who connects to the session is turned away. From any thread; does not wait. The last
  // thousand ids are remembered.
  void Cancel(const SessionId& session, const std::string& reason);
  // What Cancel of this session cancels.
  std::shared_ptr<Cancellation> CancellationOf(const SessionId& session);

  // Since the listener was made.
  TurnedAway turned_away() const;

 private:
  struct Meeting;
  class Impl;
  const std::unique_ptr<Impl> impl_;
};

// Connects to a listening party. Retries until the time has passed, as the peer may not be up yet, or have no place
// left for the moment. Throws ChannelError if nobody answers in time, the name cannot be resolved, the peer is not whom
// we expect, or `cancellation`, which may be null, is cancelled (which the look-up of a name does not notice).
std::unique_ptr<Channel> ConnectTcp(const std::string& host, uint16_t port, const Identity& self, const Peer& peer,
                                    std::chrono::milliseconds timeout, Cancellation* cancellation = nullptr);

}  // namespace ditto
