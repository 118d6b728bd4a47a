#include "ditto/net/shaped_channel.h"

#include <sys/prctl.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

namespace ditto {
namespace {

using Clock = std::chrono::steady_clock;

class ShapedChannel : public Channel {
 public:
  ShapedChannel(std::unique_ptr<Channel> channel, const LinkModel& link)
      : channel_(std::move(channel)), link_(link), thread_([this] { Deliver(); }) {}

  ~ShapedChannel() override {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      closing_ = true;
      changed_.notify_all();
    }
    thread_.join();
  }

  void Send(uint64_t tag, Bytes payload) override {
    std::lock_guard<std::mutex> lock(mutex_);
    if (!failure_.empty()) throw ChannelError(failure_);
    ++frames_sent_;
    bytes_sent_ += payload.size();
    const std::chrono::duration<double> transfer(8 * static_cast<double>(payload.size()) / link_.bits_per_second);
    free_ = std::max(free_, Clock::now()) + std::chrono::duration_cast<Clock::duration>(transfer);
    under_way_.push_back({free_ + link_.one_way_delay, tag, std::move(payload)});
    // Frames are due in their order: one behind another does not change what the thread waits for.
    if (under_way_.size() == 1) changed_.notify_all();
  }

  Bytes Receive(uint64_t tag) override { return channel_->Receive(tag); }

  void Abort(const std::string& reason) override {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      Fail("aborted: " + reason);
    }
    channel_->Abort(reason);
  }

  ChannelStats stats() const override {
    ChannelStats stats = channel_->stats();
    std::lock_guard<std::mutex> lock(mutex_);
    stats.frames_sent = frames_sent_;
    stats.payload_bytes_sent = bytes_sent_;
    return stats;
  }

 private:
  struct Frame {
    Clock::time_point due;
    uint64_t tag;
    Bytes payload;
  };

  void Fail(const std::string& reason) {
    if (failure_.empty()) failure_ = reason;
    under_way_.clear();
    changed_.notify_all();
  }

  void Deliver() {
    // Timers of ordinary threads may be late by 50 us, a quarter of a LAN's delay.
    prctl(PR_SET_TIMERSLACK, 1);
    std::unique_lock<std::mutex> lock(mutex_);
    while (true) {
      changed_.wait(lock, [this] { return closing_ || !under_way_.empty(); });
      if (under_way_.empty()) return;
      const Clock::time_point due = under_way_.front().due;
      if (changed_.wait_until(lock, due, [this] { return !failure_.empty(); })) continue;
      Frame frame = std::move(under_way_.front());
      under_way_.pop_front();
      lock.unlock();
      std::string failure;
      try {
        channel_->Send(frame.tag, std::move(frame.payload));
      } catch (const ChannelError& error) {
        failure = error.what();
      }
      lock.lock();
      if (!failure.empty()) Fail(failure);
    }
  }

  const std::unique_ptr<Channel> channel_;
  const LinkModel link_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Frame> under_way_;
  Clock::time_point free_;  // when the last bit of all that was sent has left
  std::string failure_;     // why nothing can be sent any more
  bool closing_ = false;
  uint64_t frames_sent_ = 0;
  uint64_t bytes_sent_ = 0;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace

std::unique_ptr<Channel> Shaped(std::unique_ptr<Channel> channel, const LinkModel& link) {
  if (!(link.bits_per_second >= 1) || link.one_way_delay.count() < 0) {
    throw std::invalid_argument("a link carries at least one bit a second, and delays by no negative time");
  }
  return std::make_unique<ShapedChannel>(std::move(channel), link);
}

}  // namespace ditto
