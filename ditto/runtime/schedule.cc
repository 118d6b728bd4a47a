#include "ditto/runtime/schedule.h"

#include <algorithm>

#include "ditto/runtime/kernels.h"

namespace ditto {
namespace {

// Only ops this close to the first one that has not run are considered: looking further ahead would hold values long
// before they are needed, such as widened weights of later layers.
constexpr size_t kWindow = 64;
// Lanes at once, each with its op's working memory.
constexpr size_t kMaxLanes = 8;

}  // namespace

Schedule MakeSchedule(const Program& program) {
  const size_t n = program.ops.size();
  std::vector<bool> interactive(n), done(n), ready(program.values.size());
  for (size_t i = 0; i < n; ++i) interactive[i] = CostOf(TypedOp(program, program.ops[i])).rounds > 0;
  for (int id : program.inputs) ready[id] = true;
  for (int id : program.constants) ready[id] = true;
  const auto can_run = [&](size_t op) {
    const std::vector<int>& in = program.ops[op].in;
    return !done[op] && std::all_of(in.begin(), in.end(), [&](int id) { return ready[id]; });
  };

  Schedule schedule;
  const auto run = [&](const Group& group) {
    for (size_t op : group) {
      done[op] = true;
      ready[program.ops[op].out] = true;
    }
    schedule.push_back(group);
  };
  for (size_t first = 0; first < n;) {
    const size_t end = std::min(n, first + kWindow);
    Group group;
    for (size_t op = first; op < end; ++op) {
      if (!can_run(op)) continue;
      if (!interactive[op]) {
        run({op});
      } else if (group.size() < kMaxLanes) {
        group.push_back(op);
      }
    }
    if (!group.empty()) run(group);
    while (first < n && done[first]) ++first;
  }
  return schedule;
}

}  // namespace ditto
