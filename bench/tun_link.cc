// A slow link between two network namespaces, for kernels without netem:
//
//   tun_link NAMESPACE DEVICE NAMESPACE DEVICE BITS_PER_SECOND DELAY_SECONDS
//
// Carries what either TUN device sends to the other one, each way for itself: one packet after the other at so many
// bits a second, and each so much later. Nothing is dropped. It goes on in the background once the link is there, in
// the second namespace, until it is ended.
//
// Packets are those that TCP gives to a network card that segments by itself, of up to 64 KiB and without checksums:
// there are few enough of them for gigabits a second, while TCP counts in segments of its own size. A packet counts
// with its headers once.
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <exception>
#include <string>
#include <system_error>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

// struct virtio_net_hdr, whose header C++ cannot read.
constexpr size_t kHeader = 10;
constexpr size_t kLongest = kHeader + (1 << 16);

int Checked(int result, const std::string& what) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), what);
  return result;
}

// The device in that namespace, which has to be there.
int OpenTun(const std::string& network_namespace, const std::string& device) {
  const int space = Checked(open(("/run/netns/" + network_namespace).c_str(), O_RDONLY), network_namespace);
  Checked(setns(space, CLONE_NEWNET), "entering " + network_namespace);
  close(space);
  const int tun = Checked(open("/dev/net/tun", O_RDWR | O_NONBLOCK), "/dev/net/tun");
  ifreq request{};
  request.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR;
  device.copy(request.ifr_name, IFNAMSIZ - 1);
  Checked(ioctl(tun, TUNSETIFF, &request), device);
  Checked(ioctl(tun, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4), device);
  return tun;
}

struct Packet {
  Clock::time_point due;
  std::vector<uint8_t> bytes;
};

// One way of the link.
class Way {
 public:
  Way(int from, int to, double bits_per_second, double delay)
      : from_(from), to_(to), bits_per_second_(bits_per_second), delay_(Duration(delay)) {}

  // Everything that has been sent.
  void Take() {
    while (true) {
      const ssize_t size = read(from_, buffer_.data(), buffer_.size());
      if (size < 0 && errno == EAGAIN) return;
      Checked(static_cast<int>(size), "reading a packet");
      const double bits = 8 * (static_cast<double>(size) - kHeader);
      free_ = std::max(free_, Clock::now()) + Duration(bits / bits_per_second_);
      packets_.push_back({free_ + delay_, {buffer_.begin(), buffer_.begin() + size}});
    }
  }

  // Everything that has arrived.
  void Give() {
    while (!packets_.empty() && packets_.front().due <= Clock::now()) {
      const std::vector<uint8_t>& bytes = packets_.front().bytes;
      Checked(static_cast<int>(write(to_, bytes.data(), bytes.size())), "writing a packet");
      packets_.pop_front();
    }
  }

  int from() const { return from_; }
  // When the next packet arrives.
  Clock::time_point next() const { return packets_.empty() ? Clock::time_point::max() : packets_.front().due; }

 private:
  static Clock::duration Duration(double seconds) {
    return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  }

  const int from_, to_;
  const double bits_per_second_;
  const Clock::duration delay_;
  Clock::time_point free_;
  std::deque<Packet> packets_;
  std::vector<uint8_t> buffer_ = std::vector<uint8_t>(kLongest);
};

void Run(const char* const* arguments) {
  const int first = OpenTun(arguments[0], arguments[1]), second = OpenTun(arguments[2], arguments[3]);
  const double bits_per_second = std::stod(arguments[4]), delay = std::stod(arguments[5]);
  std::array<Way, 2> ways = {Way(first, second, bits_per_second, delay), Way(second, first, bits_per_second, delay)};
  std::array<pollfd, 2> polled = {{{first, POLLIN, 0}, {second, POLLIN, 0}}};
  Checked(daemon(0, 0), "going into the background");
  // Timers are late by 50 us otherwise.
  prctl(PR_SET_TIMERSLACK, 1);
  while (true) {
    const Clock::time_point next = std::min(ways[0].next(), ways[1].next());
    timespec wait{};
    const timespec* timeout = nullptr;
    if (next != Clock::time_point::max()) {
      const auto left = std::max<std::chrono::nanoseconds>(next - Clock::now(), std::chrono::nanoseconds(0));
      wait = {left.count() / 1000000000, left.count() % 1000000000};
      timeout = &wait;
    }
    Checked(ppoll(polled.data(), polled.size(), timeout, nullptr), "ppoll");
    for (Way& way : ways) {
      way.Take();
      way.Give();
    }
  }
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 7) {
    std::fprintf(stderr, "usage: tun_link NAMESPACE DEVICE NAMESPACE DEVICE BITS_PER_SECOND DELAY_SECONDS\n");
    return 2;
  }
  try {
    Run(arguments + 1);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "tun_link: %s\n", error.what());
    return 1;
  }
}
