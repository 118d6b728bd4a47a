// A channel that fails on purpose, for tests of whoever uses channels.
#pragma once

#include <cstdint>
#include <memory>

#include "ditto/net/channel.h"

namespace ditto {

// `channel`, whose connection breaks when it is asked to send one frame more than `frames`. From then on every call,
// waiting or new, on both sides throws ChannelError.
std::unique_ptr<Channel> BreakAfter(std::unique_ptr<Channel> channel, uint64_t frames);

}  // namespace ditto
