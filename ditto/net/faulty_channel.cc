#include "ditto/net/faulty_channel.h"

#include <atomic>
#include <string>
#include <utility>

namespace ditto {
namespace {

class FaultyChannel : public Channel {
 public:
  FaultyChannel(std::unique_ptr<Channel> channel, uint64_t frames) : channel_(std::move(channel)), frames_(frames) {}

  void Send(uint64_t tag, Bytes payload) override {
    if (sent_++ == frames_) channel_->Abort("the connection broke after " + std::to_string(frames_) + " frames");
    channel_->Send(tag, std::move(payload));
  }

  Bytes Receive(uint64_t tag) override { return channel_->Receive(tag); }
  void Abort(const std::string& reason) override { channel_->Abort(reason); }
  ChannelStats stats() const override { return channel_->stats(); }

 private:
  const std::unique_ptr<Channel> channel_;
  const uint64_t frames_;
  std::atomic<uint64_t> sent_{0};
};

}  // namespace

std::unique_ptr<Channel> BreakAfter(std::unique_ptr<Channel> channel, uint64_t frames) {
  return std::make_unique<FaultyChannel>(std::move(channel), frames);
}

}  // namespace ditto
