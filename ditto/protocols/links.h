// The links of one protocol call over the parties' channels.
#pragma once

#include <cstdint>

#include "ditto/net/channel.h"
#include "ditto/protocols/party.h"

namespace ditto {

// P1 <-> P2, one frame each way a round.
class ChannelOnlineLink : public OnlineLink {
 public:
  ChannelOnlineLink(Channel& channel, uint64_t tag) : channel_(channel), tag_(tag) {}
  Bytes Exchange(Bytes mine) override;

 private:
  Channel& channel_;
  uint64_t tag_;
};

// P0 -> P2, cut into frames that neither side needs to know the boundaries of.
class ChannelOfflineLink : public OfflineLink {
 public:
  ChannelOfflineLink(Channel& channel, uint64_t tag) : channel_(channel), tag_(tag) {}
  void Send(const uint8_t* data, size_t size) override;
  void Receive(uint8_t* data, size_t size) override;
  void Finish() override;

 private:
  Channel& channel_;
  uint64_t tag_;
  Bytes frame_;
  size_t read_ = 0;
};

}  // namespace ditto
