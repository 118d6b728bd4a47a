#include "ditto/net/inbox.h"

#include <iterator>

namespace ditto {

void Inbox::Push(uint64_t tag, Bytes payload) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (!closed_.empty()) return;
  Slot& slot = slots_[tag];
  unread_ += payload.size() + kFrameBytes;
  slot.frames.push_back(std::move(payload));
  if (slot.waiting > 0) slot.arrived.notify_one();
}

Bytes Inbox::Pop(uint64_t tag) {
  std::unique_lock<std::mutex> lock(mutex_);
  Slot& slot = slots_[tag];
  if (slot.frames.empty() && closed_.empty()) {
    ++slot.waiting;
    ++starving_;
    SignalRoom();
    slot.arrived.wait_for(lock, options_.timeout, [&] { return !slot.frames.empty() || !closed_.empty(); });
    --starving_;
    --slot.waiting;
  }
  if (slot.frames.empty()) {
    if (slot.waiting == 0) slots_.erase(tag);
    const std::string awaited = "waiting for a frame with tag " + std::to_string(tag) + " from " + options_.peer_name;
    if (!closed_.empty()) throw ChannelError(awaited + ": " + closed_);
    throw ChannelError(awaited + ": none came within " + std::to_string(options_.timeout.count()) +
                       " ms; check that the peer runs, or raise the time-out");
  }
  Bytes payload = std::move(slot.frames.front());
  slot.frames.pop_front();
  if (slot.frames.empty() && slot.waiting == 0) slots_.erase(tag);
  unread_ -= payload.size() + kFrameBytes;
  ++frames_popped_;
  bytes_popped_ += payload.size();
  SignalRoom();
  return payload;
}

bool Inbox::HasRoom(std::function<void()> on_room) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (Roomy()) return true;
  on_room_.push_back(std::move(on_room));
  return false;
}

void Inbox::SignalRoom() {
  if (on_room_.empty() || !Roomy()) return;
  for (const auto& callback : on_room_) callback();
  on_room_.clear();
}

void Inbox::CloseLocked(const std::string& reason) {
  if (closed_.empty()) closed_ = reason;
  for (auto& [tag, slot] : slots_) slot.arrived.notify_all();
  SignalRoom();
}

void Inbox::Close(const std::string& reason) {
  std::lock_guard<std::mutex> lock(mutex_);
  CloseLocked(reason);
}

void Inbox::Abort(const std::string& reason) {
  std::lock_guard<std::mutex> lock(mutex_);
  for (auto it = slots_.begin(); it != slots_.end();) {
    it->second.frames.clear();
    it = it->second.waiting == 0 ? slots_.erase(it) : std::next(it);
  }
  unread_ = 0;
  CloseLocked(reason);
}

std::string Inbox::closed() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return closed_;
}

uint64_t Inbox::frames_popped() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return frames_popped_;
}

uint64_t Inbox::bytes_popped() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return bytes_popped_;
}

}  // namespace ditto
