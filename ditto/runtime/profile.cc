#include "ditto/runtime/profile.h"

#include <algorithm>
#include <unordered_map>

#include "ditto/protocols/range_guard.h"
#include "ditto/runtime/kernels.h"

namespace ditto {
namespace {

const std::string kGuard = "guard";

// Lines in the order of first appearance.
template <class F>
std::vector<ProfileLine> SumBy(const Program& program, const std::vector<OpRecord>& records, F&& name_of) {
  std::vector<ProfileLine> lines;
  std::unordered_map<std::string, size_t> index;
  for (size_t i = 0; i < records.size(); ++i) {
    const std::string& name = name_of(program, i);
    const auto [it, fresh] = index.emplace(name, lines.size());
    if (fresh) lines.push_back({name, 0, 0, {}});
    ProfileLine& line = lines[it->second];
    line.count += 1;
    line.seconds += records[i].seconds;
    line.cost += records[i].cost;
  }
  return lines;
}

}  // namespace

const std::string& NameOfRecord(const Program& program, size_t record) {
  return record < program.ops.size() ? program.ops[record].name : kGuard;
}

const std::string& LayerOfRecord(const Program& program, size_t record) {
  return record < program.ops.size() ? program.ops[record].layer : kGuard;
}

std::vector<OpRecord> PredictedRecords(const Program& program, const Schedule& schedule) {
  std::vector<OpRecord> records(program.ops.size());
  for (size_t i = 0; i < records.size(); ++i) records[i].cost = CostOf(TypedOp(program, program.ops[i]));
  for (const Group& group : schedule) ShareRounds(group, records);
  if (IsGuarded(program)) records.push_back({0, 0, FinishGuardCost()});
  return records;
}

void ShareRounds(const Group& group, std::vector<OpRecord>& records) {
  int64_t counted = 0;
  for (size_t op : group) {
    int64_t& rounds = records[op].cost.rounds;
    const int64_t more = std::max<int64_t>(rounds - counted, 0);
    counted += more;
    rounds = more;
  }
}

std::vector<ProfileLine> ByKind(const Program& program, const std::vector<OpRecord>& records) {
  return SumBy(program, records, NameOfRecord);
}

std::vector<ProfileLine> ByLayer(const Program& program, const std::vector<OpRecord>& records) {
  return SumBy(program, records, LayerOfRecord);
}

Cost Total(const std::vector<OpRecord>& records) {
  Cost total;
  for (const OpRecord& record : records) total += record.cost;
  return total;
}

}  // namespace ditto
