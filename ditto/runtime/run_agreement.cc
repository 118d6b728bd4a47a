#include "ditto/runtime/run_agreement.h"

#include <utility>

namespace ditto {
namespace {

constexpr size_t kNumberBytes = 8;

std::string Describe(const Bytes& frame, size_t program_size) {
  if (frame.size() < kNumberBytes + program_size) return "a malformed run";
  uint64_t run = 0;
  for (size_t i = 0; i < kNumberBytes; ++i) run |= uint64_t{frame[i]} << (8 * i);
  const auto program = frame.begin() + kNumberBytes;
  return "run " + std::to_string(run) + " of program " + std::string(program, program + program_size);
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
                           const Program& program, const std::string& given, const std::string& masked)
    : role_(role), peers_(peers), tag_(tag), run_(run), program_(program.hash), given_(given), masked_(masked) {
  for (size_t i = 0; i < 3; ++i) {
    if (!peers_[i]) continue;
    if (static_cast<Role>(i) != Role::kP0) peers_[i]->Send(tag_, FrameWith(static_cast<Role>(i)));
    checked_[i] = std::make_unique<Checked>(*this, *peers_[i]);
  }
}

RunAgreement::~RunAgreement() = default;

// The same at both ends.
Bytes RunAgreement::FrameWith(Role other) const {
  Bytes bytes;
  for (size_t i = 0; i < kNumberBytes; ++i) bytes.push_back(static_cast<uint8_t>(run_ >> (8 * i)));
  bytes.insert(bytes.end(), program_.begin(), program_.end());
  bytes.insert(bytes.end(), given_.begin(), given_.end());
  if (role_ != Role::kP0 && other != Role::kP0) bytes.insert(bytes.end(), masked_.begin(), masked_.end());
  return bytes;
}

std::array<Channel*, 3> RunAgreement::channels() const {
  return {checked_[0].get(), checked_[1].get(), checked_[2].get()};
}

void RunAgreement::Check() {
  if (agreed_ || role_ == Role::kP0) return;
  std::lock_guard<std::mutex> lock(mutex_);
  for (size_t i = 0; i < 3 && !agreed_ && mismatch_.empty(); ++i) {
    if (!peers_[i]) continue;
    const Bytes mine = FrameWith(static_cast<Role>(i)), theirs = peers_[i]->Receive(tag_);
    if (theirs == mine) continue;
    const std::string here = Describe(mine, program_.size()), there = Describe(theirs, program_.size());
    const std::string other = "P" + std::to_string(i);
    mismatch_ = "P" + std::to_string(static_cast<int>(role_)) + " is at " + here + ", " + other + " at " + there;
    if (here == there) mismatch_ += ", but they were given different inputs";
    mismatch_ += "; nothing was opened, open another session";
  }
  if (!mismatch_.empty()) throw ChannelError(mismatch_);
  agreed_ = true;
}

}  // namespace ditto
