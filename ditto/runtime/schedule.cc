#include "ditto/runtime/schedule.h"

#include <algorithm>
#include <cstdint>
#include <limits>

#include "ditto/runtime/kernels.h"

namespace ditto {
namespace {

// Only ops this close to the first one that has not run are considered: looking further ahead would hold values long
// before they are needed, such as widened weights of later layers.
constexpr size_t kWindow = 64;
// Lanes at once, each with its op's working memory.
constexpr size_t kMaxLanes = 8;

// Whether nothing comes of an op but guards: it can run whenever there is room in a round.
std::vector<bool> OnlyGuards(const Program& program) {
  std::vector<bool> used(program.values.size());
  for (const int id : program.outputs) used[id] = true;
  std::vector<bool> guards(program.ops.size());
  for (size_t i = program.ops.size(); i-- > 0;) {
    const Op& op = program.ops[i];
    guards[i] = !used[op.out];
    if (guards[i]) continue;
    for (const int id : op.in) used[id] = true;
  }
  return guards;
}

}  // namespace

Schedule MakeSchedule(const Program& program) {
  const size_t n = program.ops.size();
  const std::vector<bool> guards = OnlyGuards(program);
  std::vector<int64_t> rounds(n);
  std::vector<bool> done(n), ready(program.values.size());
  for (size_t i = 0; i < n; ++i) rounds[i] = CostOf(TypedOp(program, program.ops[i])).rounds;
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
  std::vector<size_t> waiting;  // guards
  size_t seen = 0;              // ops before this one are done or wait, or are considered in their order
  for (size_t first = 0;;) {
    while (first < n && (done[first] || guards[first])) ++first;
    const size_t end = std::min(n, first + kWindow);
    for (; seen < end; ++seen) {
      if (guards[seen]) waiting.push_back(seen);
    }
    Group group;
    int64_t most = first < n ? 0 : std::numeric_limits<int64_t>::max();
    const auto consider = [&](size_t op, int64_t limit) {
      if (!can_run(op)) return;
      if (rounds[op] == 0) {
        run({op});
      } else if (group.size() < kMaxLanes && rounds[op] <= limit) {
        group.push_back(op);
        most = std::max(most, rounds[op]);
      }
    };
    for (size_t op = first; op < end; ++op) {
      if (!guards[op]) consider(op, std::numeric_limits<int64_t>::max());
    }
    // Guards go along where that takes no round more, and at the end all together.
    for (size_t op : waiting) consider(op, most);
    if (!group.empty()) run(group);
    waiting.erase(std::remove_if(waiting.begin(), waiting.end(), [&](size_t op) { return done[op]; }), waiting.end());
    if (first == n && waiting.empty()) return schedule;
  }
}

std::vector<std::vector<int>> FreedAfter(const Program& program, const Schedule& schedule) {
  constexpr size_t kKept = SIZE_MAX;
  std::vector<size_t> last(program.values.size(), kKept);
  for (size_t g = 0; g < schedule.size(); ++g) {
    for (size_t op : schedule[g]) {
      last[program.ops[op].out] = g;
      for (int id : program.ops[op].in) last[id] = g;
    }
  }
  for (int id : program.outputs) last[id] = kKept;
  std::vector<std::vector<int>> freed(schedule.size());
  for (size_t id = 0; id < last.size(); ++id) {
    if (last[id] != kKept) freed[last[id]].push_back(static_cast<int>(id));
  }
  return freed;
}

double BytesOf(const ValueType& type) {
  return static_cast<double>(NumElements(type.shape)) * WordBytes(type.width) * (type.is_public() ? 1 : 2);
}

double PeakBytes(const Program& program, const Schedule& schedule) {
  const std::vector<std::vector<int>> freed = FreedAfter(program, schedule);
  std::vector<bool> made(program.values.size());
  double held = 0, most = 0;
  for (size_t g = 0; g < schedule.size(); ++g) {
    for (size_t op : schedule[g]) {
      const int out = program.ops[op].out;
      made[out] = true;
      held += BytesOf(program.values[out]);
    }
    most = std::max(most, held);
    for (int id : freed[g]) {
      if (made[id]) held -= BytesOf(program.values[id]);
    }
  }
  return most;
}

}  // namespace ditto
