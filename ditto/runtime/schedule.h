// In which order a program's ops run, and which of them share their rounds.
//
// A group is an op without a round, or interactive ops that need nothing of each other: P1 and P2 put what these send
// in one round into one message. Ops of which nothing comes but guards wait for a group that takes as many rounds
// without them. All parties derive the same schedule from the program alone.
#pragma once

#include <cstddef>
#include <vector>

#include "ditto/runtime/program.h"

namespace ditto {

using Group = std::vector<size_t>;  // indices of ops
using Schedule = std::vector<Group>;

Schedule MakeSchedule(const Program& program);

// For every group the values that nothing needs after it.
std::vector<std::vector<int>> FreedAfter(const Program& program, const Schedule& schedule);

// The memory that a value takes at a party, in bytes: two of its three components, or public integers.
double BytesOf(const ValueType& type);
// What the values that a run makes take together at most. Protocols need some more while they work.
double PeakBytes(const Program& program, const Schedule& schedule);

}  // namespace ditto
