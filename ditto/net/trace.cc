#include "ditto/net/trace.h"

#include <algorithm>
#include <string>
#include <tuple>
#include <utility>

namespace ditto {
namespace {

class TracedChannel : public Channel {
 public:
  TracedChannel(std::unique_ptr<Channel> channel, std::shared_ptr<Trace> trace)
      : channel_(std::move(channel)), trace_(std::move(trace)) {}

  void Send(uint64_t tag, Bytes payload) override {
    TracedFrame frame{Direction::kSent, tag, payload};
    channel_->Send(tag, std::move(payload));
    trace_->Add(std::move(frame));
  }

  Bytes Receive(uint64_t tag) override {
    Bytes payload = channel_->Receive(tag);
    trace_->Add({Direction::kReceived, tag, payload});
    return payload;
  }

  void Abort(const std::string& reason) override { channel_->Abort(reason); }
  ChannelStats stats() const override { return channel_->stats(); }

 private:
  const std::unique_ptr<Channel> channel_;
  const std::shared_ptr<Trace> trace_;
};

}  // namespace

void Trace::Add(TracedFrame frame) {
  std::lock_guard<std::mutex> lock(mutex_);
  frames_.push_back(std::move(frame));
}

std::vector<TracedFrame> Trace::frames() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return frames_;
}

std::vector<TracedFrame> Trace::SortedFrames() const {
  std::vector<TracedFrame> sorted = frames();
  std::stable_sort(sorted.begin(), sorted.end(), [](const TracedFrame& a, const TracedFrame& b) {
    return std::tie(a.direction, a.tag) < std::tie(b.direction, b.tag);
  });
  return sorted;
}

std::unique_ptr<Channel> Traced(std::unique_ptr<Channel> channel, std::shared_ptr<Trace> trace) {
  return std::make_unique<TracedChannel>(std::move(channel), std::move(trace));
}

}  // namespace ditto
