// What a caller loads at the nodes: the text of a program. One that is taken is scheduled, and if it is small it runs.
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "ditto/fuzz/fuzz.h"
#include "ditto/runtime/executor.h"
#include "ditto/runtime/profile.h"
#include "ditto/runtime/program_json.h"
#include "ditto/runtime/schedule.h"
#include "ditto/runtime/simulator.h"
#include "nlohmann/json.hpp"

using namespace ditto;
using Json = nlohmann::json;

namespace {

// Of all values of a program that runs, and the size of every list in its attributes.
constexpr int64_t kMostElements = 1 << 14;
constexpr size_t kMostOps = 32;

// Numbers at which something changes.
constexpr int64_t kNotable[] = {0,
                                1,
                                2,
                                3,
                                7,
                                8,
                                31,
                                32,
                                33,
                                63,
                                64,
                                65,
                                127,
                                128,
                                255,
                                1 << 16,
                                1 << 20,
                                INT32_MAX,
                                -1,
                                -2,
                                INT32_MIN,
                                INT64_MIN,
                                INT64_MAX,
                                INT64_MAX - 1,
                                int64_t{1} << 32,
                                int64_t{1} << 40,
                                int64_t{1} << 41};

int64_t SizeOf(const std::vector<int64_t>& shape) { return shape.empty() ? 1 : NumElements(shape); }

// Zeros of the shapes that the text gives its constants; none where it gives no shapes.
std::vector<Tensor> ConstantsOf(const std::string& text) {
  std::vector<Tensor> constants;
  try {
    const Json json = Json::parse(text);
    for (const Json& id : json.at("constants")) {
      const Shape shape = json.at("values").at(id.get<size_t>()).at("shape").get<Shape>();
      if (SizeOf(shape) > kMostElements) return {};
      constants.push_back(Tensor::Zeros(shape, 64));
    }
  } catch (const std::exception&) {
  }
  return constants;
}

bool IsSmall(const Program& program) {
  int64_t elements = 0;
  for (const ValueType& value : program.values) {
    elements += NumElements(value.shape);
    if (elements > kMostElements) return false;
  }
  return program.ops.size() <= kMostOps;
}

// Whatever its inputs are, a run ends with results of the right sizes, or with an error.
void RunAll(const Program& program, const Schedule& schedule) {
  ChannelOptions options;
  options.timeout = std::chrono::seconds(20);
  Simulator simulator(options);
  std::vector<Input> inputs;
  for (const int id : program.inputs) {
    const ValueType& type = program.values[id];
    std::vector<int64_t> numbers(static_cast<size_t>(NumElements(type.shape)));
    for (size_t i = 0; i < numbers.size(); ++i) numbers[i] = type.width == 1 ? i % 2 : static_cast<int64_t>(i % 3) - 1;
    if (type.is_public()) {
      Tensor integers(type.shape, 64);
      std::memcpy(integers.mutable_data<uint64_t>(), numbers.data(), 8 * numbers.size());
      inputs.emplace_back(std::move(integers));
    } else {
      inputs.emplace_back(simulator.Put(numbers.data(), type.shape, type.width));
    }
  }
  try {
    const SimulatedRun run = simulator.Run(program, schedule, inputs, {});
    for (size_t k = 0; k < program.outputs.size(); ++k) {
      const ValueType& type = program.values[program.outputs[k]];
      if (run.outputs[k].size() != static_cast<size_t>(NumElements(type.shape))) std::abort();
    }
    const Cost predicted = Total(PredictedRecords(program, schedule));
    const auto sent = [&](size_t party) { return Total(run.parties[party].records); };
    if (sent(0).offline != predicted.offline || sent(1).rounds != predicted.rounds ||
        sent(1).online + sent(2).online != predicted.online) {
      std::abort();
    }
  } catch (const RunError&) {
  } catch (const RangeViolation&) {
  }
}

// Where the values of a JSON text are, and which of them are integers.
struct Places {
  explicit Places(Json& json) { Collect(json); }
  void Collect(Json& json) {
    all.push_back(&json);
    if (json.is_number_integer()) integers.push_back(&json);
    if (json.is_structured()) {
      for (Json& inner : json) Collect(inner);
    }
  }
  std::vector<Json*> all;
  std::vector<Json*> integers;
};

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  try {
    const Program program = ParseProgram(text, ConstantsOf(text));
    if (!IsSmall(program)) return 0;
    const Schedule schedule = MakeSchedule(program);
    size_t scheduled = 0;
    for (const Group& group : schedule) scheduled += group.size();
    if (scheduled != program.ops.size()) std::abort();
    RunAll(program, schedule);
  } catch (const ProgramError&) {
  }
  return 0;
}

// Changes what the text says, so that it stays JSON: most errors lie behind the parser.
size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned int seed) {
  std::minstd_rand random(seed);
  const auto below = [&](size_t n) { return static_cast<size_t>(random()) % n; };
  Json json = Json::parse(data, data + size, nullptr, false);
  if (json.is_discarded() || below(50) == 0) return LLVMFuzzerMutate(data, size, max_size);
  for (size_t changes = 1 + below(3); changes > 0; --changes) {
    const Places places(json);
    Json& place = *places.all[below(places.all.size())];
    Json& other = *places.all[below(places.all.size())];
    Json& number = places.integers.empty() ? place : *places.integers[below(places.integers.size())];
    switch (below(7)) {
      case 0:
        number = kNotable[below(std::size(kNotable))];
        break;
      case 1:
        // In more than one place, as shapes of operands and results have to agree.
        if (number.is_number_integer()) {
          const Json before = number, after = kNotable[below(std::size(kNotable))];
          for (Json* same : places.integers) {
            if (*same == before && below(4) != 0) *same = after;
          }
        }
        break;
      case 6:
        if (number.is_number_integer()) number = static_cast<int64_t>(number.get<uint64_t>() + below(5) - 2);
        break;
      case 2: {
        const Json copy = other;
        place = copy;
        break;
      }
      case 3:
        if (place.is_structured() && !place.empty()) place.erase(std::next(place.begin(), below(place.size())));
        break;
      case 4:
        if (place.is_array() && !place.empty()) place.push_back(Json(place[below(place.size())]));
        break;
      default: {
        // The name of another operation.
        const std::vector<Kernel>& kernels = Kernels();
        if (json.is_object() && json.contains("ops") && json["ops"].is_array() && !json["ops"].empty()) {
          Json& op = json["ops"][below(json["ops"].size())];
          if (op.is_object()) op["op"] = kernels[below(kernels.size())].name;
        }
      }
    }
  }
  const std::string text = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (text.size() > max_size) return size;
  std::copy(text.begin(), text.end(), data);
  return text.size();
}
