// Three parties as threads of one process, over memory channels: every protocol runs as it does among three machines,
// only nothing is hidden from the process. The parties share the memory of the components they hold in common.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ditto/net/shaped_channel.h"
#include "ditto/runtime/session.h"

namespace ditto {

struct SimulatedRun {
  std::vector<std::vector<int64_t>> outputs;  // nothing for those that stay shared
  Kept kept;
  std::array<RunResult, 3> parties;
  double seconds = 0;  // wall time until the last party was done
};

// Not to be called from several threads at once.
class Simulator {
 public:
  // Over links like `link`, or as fast as memory is.
  explicit Simulator(ChannelOptions options, std::optional<LinkModel> link = std::nullopt);

  // Shares signed integers mod 2^width (bits: width 1) and returns the value's id.
  uint64_t Put(const int64_t* values, const Shape& shape, int width);
  void Drop(uint64_t id);

  // `keep`: positions of outputs that stay shared, as values of their own.
  // Throws the error of the party that failed first, or RangeViolation; the simulator stays usable.
  SimulatedRun Run(const Program& program, const Schedule& schedule, const std::vector<Input>& inputs,
                   const RunOptions& options, const std::vector<size_t>& keep = {});

 private:
  std::array<PeerChannels, 3> Connect() const;

  const ChannelOptions options_;
  const std::optional<LinkModel> link_;
  std::array<std::unique_ptr<Session>, 3> parties_;
  uint64_t next_id_ = 0;
};

}  // namespace ditto
