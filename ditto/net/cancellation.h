// Ends from another thread what a thread waits for: once, and for good.
#pragma once

#include <functional>
#include <list>
#include <mutex>
#include <optional>
#include <string>

namespace ditto {

class Cancellation {
 public:
  // What wakes the waiting thread, as long as this object lives: called with the reason when it is cancelled, or at
  // once if it is already. It must not wait, nor throw.
  class Waker {
   public:
    using Wake = std::function<void(const std::string& reason)>;

    // Without a cancellation nothing is called.
    Waker(Cancellation* cancellation, Wake wake);
    // Returns when no call is under way any more.
    ~Waker();
    Waker(const Waker&) = delete;
    Waker& operator=(const Waker&) = delete;

   private:
    Cancellation* const cancellation_;
    std::list<Wake>::iterator place_;
  };

  // The first reason given stays.
  void Cancel(const std::string& reason);
  std::optional<std::string> reason() const;
  // Throws ChannelError with the reason if it is cancelled.
  void Check() const;

 private:
  mutable std::mutex mutex_;
  std::optional<std::string> reason_;
  std::list<Waker::Wake> wakers_;
};

}  // namespace ditto
