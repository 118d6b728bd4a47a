#include "ditto/runtime/run_agreement.h"

#include <utility>

namespace ditto {
namespace {

constexpr size_t kNumberBytes = 8;

Bytes Encode(uint64_t run, const std::string& program) {
  Bytes bytes;
  for (size_t i = 0; i < kNumberBytes; ++i) bytes.push_back(static_cast<uint8_t>(run >> (8 * i)));
  bytes.insert(bytes.end(), program.begin(), program.end());
  return bytes;
}

std::string Describe(const Bytes& frame) {
  if (frame.size() < kNumberBytes) return "a malformed run";
  uint64_t run = 0;
  for (size_t i = 0; i < kNumberBytes; ++i) run |= uint64_t{frame[i]} << (8 * i);
  return "run " + std::to_string(run) + " of program " + std::string(frame.begin() + kNumberBytes, frame.end());
}

}  // namespace

class RunAgreement::Checked : public Channel {
 public:
  Checked(RunAgreement& agreement, Channel& channel) : agreement_(agreement), channel_(channel) {}

  void Send(uint64_t tag, Bytes payload) override { channel_.Send(tag, std::move(payload)); }
  Bytes Receive(uint64_t tag) override {
    agreement_.Check();
    return channel_.Receive(tag);
  }
  void Abort(const std::string& reason) override { channel_.Abort(reason); }
  ChannelStats stats() const override { return channel_.stats(); }

 private:
  RunAgreement& agreement_;
  Channel& channel_;
};

RunAgreement::RunAgreement(Role role, const std::array<Channel*, 3>& peers, uint64_t tag, uint64_t run,
                           const Program& program)
    : role_(role), peers_(peers), tag_(tag), run_(run), program_(program.hash) {
  for (size_t i = 0; i < 3; ++i) {
    if (!peers_[i]) continue;
    if (static_cast<Role>(i) != Role::kP0) peers_[i]->Send(tag_, Encode(run_, program_));
    checked_[i] = std::make_unique<Checked>(*this, *peers_[i]);
  }
}

RunAgreement::~RunAgreement() = default;

std::array<Channel*, 3> RunAgreement::channels() const {
  return {checked_[0].get(), checked_[1].get(), checked_[2].get()};
}

void RunAgreement::Check() {
  if (agreed_ || role_ == Role::kP0) return;
  std::lock_guard<std::mutex> lock(mutex_);
  const Bytes mine = Encode(run_, program_);
  for (size_t i = 0; i < 3 && !agreed_ && mismatch_.empty(); ++i) {
    if (!peers_[i]) continue;
    const Bytes theirs = peers_[i]->Receive(tag_);
    if (theirs == mine) continue;
    mismatch_ = "P" + std::to_string(static_cast<int>(role_)) + " is at " + Describe(mine) + ", P" + std::to_string(i) +
                " at " + Describe(theirs) + "; nothing was opened, open another session";
  }
  if (!mismatch_.empty()) throw ChannelError(mismatch_);
  agreed_ = true;
}

}  // namespace ditto
