// A slow link on a fast one: what a program takes on a LAN or a WAN, measured on one machine.
//
// A frame becomes readable at the receiver when its last bit would arrive over the modelled link. Frames carry no
// times: the delay is at the sender. Send puts a frame into a queue, and a thread of the channel's own gives it to the
// channel beneath once it is due. So it works with channels of any kind, and whatever these take themselves comes on
// top.
//
// Each end shapes what it sends: a direction has all its bandwidth, whatever the other carries.
#pragma once

#include <chrono>
#include <memory>

#include "ditto/net/channel.h"

namespace ditto {

struct LinkModel {
  // Of payload, one frame after the other: a token bucket that holds nothing. Headers are not counted.
  double bits_per_second;
  // From the last bit sent to the last bit received: half a round trip.
  std::chrono::nanoseconds one_way_delay;
};

// `channel` as it would be over such a link. As over a socket, the sender does not wait for what is under way, which no
// buffer limit bounds, and learns that a frame could not be sent (a lost peer, too long) at a later call. Abort does
// not wait. The statistics are those of the bare channel. Throws std::invalid_argument for a link that there cannot be.
std::unique_ptr<Channel> Shaped(std::unique_ptr<Channel> channel, const LinkModel& link);

}  // namespace ditto
