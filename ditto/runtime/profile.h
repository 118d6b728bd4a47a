// What a run cost, or will cost: one record an op, summed by kind of op or by model layer.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ditto/protocols/cost.h"
#include "ditto/runtime/program.h"
#include "ditto/runtime/schedule.h"

namespace ditto {

// Of one op, or, after the last one, of the guard that ends a guarded program. Rounds that several ops share are
// counted with the first of them that needs them, so that the sum over all ops is the number of rounds of the program.
struct OpRecord {
  double start = 0;  // seconds since the run began at this party
  double seconds = 0;
  Cost cost;
};

// The op's name or layer; of the guard both are "guard".
const std::string& NameOfRecord(const Program& program, size_t record);
const std::string& LayerOfRecord(const Program& program, size_t record);

struct ProfileLine {
  std::string name;
  int64_t count = 0;
  double seconds = 0;
  Cost cost;
};

// What the program will send, all parties together.
std::vector<OpRecord> PredictedRecords(const Program& program, const Schedule& schedule);

// Replaces the rounds of each op of a group, `records[i].cost.rounds`, by the rounds it adds to those before it.
void ShareRounds(const Group& group, std::vector<OpRecord>& records);

std::vector<ProfileLine> ByKind(const Program& program, const std::vector<OpRecord>& records);
std::vector<ProfileLine> ByLayer(const Program& program, const std::vector<OpRecord>& records);
Cost Total(const std::vector<OpRecord>& records);

}  // namespace ditto
