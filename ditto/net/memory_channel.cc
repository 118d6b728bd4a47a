#include "ditto/net/memory_channel.h"

#include <atomic>
#include <future>
#include <string>

#include "ditto/net/inbox.h"

namespace ditto {
namespace {

class MemoryChannel : public Channel {
 public:
  MemoryChannel(ChannelOptions options, std::shared_ptr<Inbox> mine, std::shared_ptr<Inbox> theirs)
      : options_(std::move(options)), mine_(std::move(mine)), theirs_(std::move(theirs)) {}

  ~MemoryChannel() override {
    mine_->Abort("the peer closed the connection");
    theirs_->Close("the peer closed the connection");
  }

  void Send(uint64_t tag, Bytes payload) override {
    if (payload.size() > options_.max_frame_bytes) {
      throw ChannelError(Sending(tag) + "a frame of " + std::to_string(payload.size()) +
                         " bytes is over the limit of " + std::to_string(options_.max_frame_bytes));
    }
    const auto room = std::make_shared<std::promise<void>>();
    if (!theirs_->HasRoom([room] { room->set_value(); }) &&
        room->get_future().wait_for(options_.timeout) == std::future_status::timeout) {
      throw ChannelError(Sending(tag) + "more than " + std::to_string(options_.buffer_limit_bytes) +
                         " bytes stayed unread for " + std::to_string(options_.timeout.count()) +
                         " ms; check that the peer still receives");
    }
    const std::string closed = theirs_->closed();
    if (!closed.empty()) throw ChannelError(Sending(tag) + closed);
    const uint64_t size = payload.size();
    theirs_->Push(tag, std::move(payload));
    ++frames_sent_;
    bytes_sent_ += size;
  }

  Bytes Receive(uint64_t tag) override { return mine_->Pop(tag); }

  void Abort(const std::string& reason) override {
    mine_->Abort("aborted: " + reason);
    theirs_->Abort("aborted by the peer: " + reason);
  }

  ChannelStats stats() const override {
    return {frames_sent_, bytes_sent_, mine_->frames_popped(), mine_->bytes_popped()};
  }

 private:
  std::string Sending(uint64_t tag) const {
    return "sending a frame with tag " + std::to_string(tag) + " to " + options_.peer_name + ": ";
  }

  const ChannelOptions options_;
  const std::shared_ptr<Inbox> mine_;
  const std::shared_ptr<Inbox> theirs_;
  std::atomic<uint64_t> frames_sent_{0};
  std::atomic<uint64_t> bytes_sent_{0};
};

}  // namespace

ChannelPair MemoryChannelPair(const ChannelOptions& first, const ChannelOptions& second) {
  const auto to_first = std::make_shared<Inbox>(first);
  const auto to_second = std::make_shared<Inbox>(second);
  return {std::make_unique<MemoryChannel>(first, to_first, to_second),
          std::make_unique<MemoryChannel>(second, to_second, to_first)};
}

ChannelPair MemoryChannelPair(const ChannelOptions& both) { return MemoryChannelPair(both, both); }

}  // namespace ditto
