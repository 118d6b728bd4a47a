// A connection inside one process: frames are moved from sender to receiver, their payload is never copied.
#pragma once

#include <memory>
#include <utility>

#include "ditto/net/channel.h"

namespace ditto {

using ChannelPair = std::pair<std::unique_ptr<Channel>, std::unique_ptr<Channel>>;

// The two ends of a connection. `first` are the options of the first end (its peer_name names the second party).
ChannelPair MemoryChannelPair(const ChannelOptions& first, const ChannelOptions& second);
ChannelPair MemoryChannelPair(const ChannelOptions& both);

}  // namespace ditto
