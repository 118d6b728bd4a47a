// A program as Python holds it: parsed, checked, scheduled.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "ditto/net/shaped_channel.h"
#include "ditto/runtime/executor.h"
#include "ditto/runtime/session.h"
#include "python/bindings/arrays.h"

namespace ditto::python {

struct LoadedProgram {
  Program program;
  Schedule schedule;
};

// Ids of stored values, or int64 arrays.
inline std::vector<Input> ToInputs(const py::sequence& list) {
  std::vector<Input> inputs;
  for (const py::handle& item : list) {
    if (py::isinstance<py::int_>(item)) {
      inputs.emplace_back(item.cast<uint64_t>());
    } else {
      inputs.emplace_back(PublicTensor(item, "input " + std::to_string(inputs.size())));
    }
  }
  return inputs;
}

// Bits a second, and seconds that a message takes.
using LinkNumbers = std::pair<double, double>;

inline std::optional<LinkModel> ToLinkModel(const std::optional<LinkNumbers>& link) {
  if (!link) return std::nullopt;
  const std::chrono::duration<double> delay(link->second);
  return LinkModel{link->first, std::chrono::duration_cast<std::chrono::nanoseconds>(delay)};
}

// What one party did in a run.
inline py::dict ToReport(const LoadedProgram& loaded, const RunResult& result) {
  py::dict report = ToDict(loaded.program, loaded.schedule, result.records);
  report["seconds"] = result.seconds;
  report["began"] = result.began;
  return report;
}

void BindProgram(py::module_& m);
void BindSimulator(py::module_& m);
void BindParty(py::module_& m);

}  // namespace ditto::python
