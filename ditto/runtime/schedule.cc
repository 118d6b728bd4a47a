#include "ditto/runtime/schedule.h"

namespace ditto {

Schedule MakeSchedule(const Program& program) {
  Schedule schedule;
  for (size_t i = 0; i < program.ops.size(); ++i) schedule.push_back({i});
  return schedule;
}

}  // namespace ditto
