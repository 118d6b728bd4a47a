#include "ditto/runtime/program_json.h"

#include <array>
#include <memory>
#include <utility>

#include "ditto/runtime/kernels.h"
#include "ditto/runtime/sha256.h"
#include "nlohmann/json.hpp"

namespace ditto {
namespace {

using Json = nlohmann::json;

[[noreturn]] void Fail(const std::string& where, const std::string& what) { throw ProgramError(where + ": " + what); }

const Json& Field(const Json& object, const char* name, const std::string& where) {
  if (!object.is_object()) Fail(where, "is not an object");
  const auto it = object.find(name);
  if (it == object.end()) Fail(where, std::string("has no field \"") + name + "\"");
  return *it;
}

const Json& List(const Json& object, const char* name, const std::string& where) {
  const Json& list = Field(object, name, where);
  if (!list.is_array()) Fail(where, std::string("field \"") + name + "\" is not a list");
  return list;
}

std::string Text(const Json& object, const char* name, const std::string& where) {
  const Json& text = Field(object, name, where);
  if (!text.is_string()) Fail(where, std::string("field \"") + name + "\" is not a string");
  return text.get<std::string>();
}

int64_t Integer(const Json& value, int64_t least, int64_t most, const std::string& where) {
  if (!value.is_number_integer()) Fail(where, "is not an integer");
  if (value.is_number_unsigned() && value.get<uint64_t>() > INT64_MAX) Fail(where, "is an integer above 2^63");
  const int64_t n = value.get<int64_t>();
  if (n < least || n > most) {
    Fail(where, std::to_string(n) + " is not within " + std::to_string(least) + ".." + std::to_string(most));
  }
  return n;
}

ValueType ParseValue(const Json& json, const std::string& where) {
  ValueType type;
  const std::string kind = Text(json, "kind", where);
  if (kind == "fxp") {
    type.kind = ValueKind::kFixedPoint;
    type.width = static_cast<int>(Integer(Field(json, "width", where), 2, kMaxWidth, where + ", width"));
    type.fraction = static_cast<int>(Integer(Field(json, "fraction", where), -1024, 1024, where + ", fraction"));
  } else if (kind == "bit") {
    type.kind = ValueKind::kBit;
    type.width = 1;
  } else if (kind != "public") {
    Fail(where, "kind \"" + kind + "\" is none of fxp, bit, public");
  }
  for (const Json& dim : List(json, "shape", where)) {
    type.shape.push_back(Integer(dim, 0, INT64_MAX, where + ", shape"));
  }
  try {
    NumElements(type.shape);
  } catch (const std::invalid_argument& error) {
    Fail(where, error.what());
  }
  const auto range = json.find("range");
  if (range != json.end() && !range->is_null()) {
    type.range = static_cast<int>(Integer(*range, 0, kMaxWidth, where + ", range"));
  }
  return type;
}

Attributes ParseAttributes(const Json& json, const std::string& where) {
  std::map<std::string, Attributes::Value> values;
  if (!json.is_object()) Fail(where, "attrs is not an object");
  for (const auto& [name, value] : json.items()) {
    const std::string here = where + ", attribute " + name;
    if (value.is_number_integer()) {
      values[name] = Integer(value, INT64_MIN, INT64_MAX, here);
    } else if (value.is_array()) {
      std::vector<int64_t> ints;
      std::vector<double> reals;
      for (const Json& element : value) {
        if (!element.is_number()) Fail(here, "is not a list of numbers");
        reals.push_back(element.get<double>());
        if (element.is_number_integer()) ints.push_back(Integer(element, INT64_MIN, INT64_MAX, here));
      }
      if (ints.size() == reals.size()) {
        values[name] = std::move(ints);
      } else {
        values[name] = std::move(reals);
      }
    } else {
      Fail(here, "is neither an integer nor a list of numbers");
    }
  }
  return Attributes(std::move(values));
}

std::vector<int> ParseIds(const Json& object, const char* name, size_t values, const std::string& where) {
  std::vector<int> ids;
  for (const Json& id : List(object, name, where)) {
    ids.push_back(static_cast<int>(Integer(id, 0, static_cast<int64_t>(values) - 1, where + ", " + name)));
  }
  return ids;
}

// Each value is defined once and before it is used.
class Definitions {
 public:
  explicit Definitions(size_t values) : defined_(values) {}
  void Define(int id, const std::string& where) {
    if (defined_[id]) Fail(where, "value " + std::to_string(id) + " is defined a second time");
    defined_[id] = true;
  }
  void Use(int id, const std::string& where) const {
    if (!defined_[id]) Fail(where, "value " + std::to_string(id) + " is used before it is defined");
  }

 private:
  std::vector<bool> defined_;
};

std::string HashOf(const std::string& json, const std::vector<Tensor>& constants) {
  Sha256 hash;
  hash.AddText(json);
  for (const Tensor& c : constants) {
    hash.AddText(ToString(c.shape()));
    hash.Add(c.data<uint64_t>(), static_cast<size_t>(c.size()) * sizeof(uint64_t));
  }
  return hash.Hex();
}

void TakeConstants(Program& program, std::vector<Tensor> constants) {
  if (constants.size() != program.constants.size()) {
    Fail("constants", std::to_string(constants.size()) + " arrays for " + std::to_string(program.constants.size()));
  }
  for (size_t i = 0; i < constants.size(); ++i) {
    const Shape& shape = program.values[program.constants[i]].shape;
    if (constants[i].shape() != shape) {
      Fail("constant " + std::to_string(i),
           "shape " + ToString(constants[i].shape()) + " instead of " + ToString(shape));
    }
  }
  program.constant_values = std::move(constants);
}

void ParseBody(const Json& json, Program& program) {
  const std::string top = "program";
  if (Text(json, "format", top) != "ditto-program") Fail(top, "is not of format ditto-program");
  if (Integer(Field(json, "version", top), 0, 1 << 20, "program, version") != 1) {
    Fail(top, "is of another version than 1; compile it anew");
  }
  program.name = Text(json, "name", top);
  for (const Json& value : List(json, "values", top)) {
    program.values.push_back(ParseValue(value, "value " + std::to_string(program.values.size())));
  }
  const size_t n = program.values.size();
  program.inputs = ParseIds(json, "inputs", n, top);
  program.outputs = ParseIds(json, "outputs", n, top);
  program.constants = ParseIds(json, "constants", n, top);
  Definitions definitions(n);
  for (int id : program.inputs) definitions.Define(id, "inputs");
  for (int id : program.constants) {
    definitions.Define(id, "constants");
    if (!program.values[id].is_public()) Fail("constants", "value " + std::to_string(id) + " is not public");
  }
  for (const Json& item : List(json, "ops", top)) {
    const size_t index = program.ops.size();
    const std::string at = "op " + std::to_string(index);
    Op& op = program.ops.emplace_back();
    op.name = Text(item, "op", at);
    op.layer = item.contains("layer") ? Text(item, "layer", at) : "";
    const std::string where = program.Describe(index);
    op.in = ParseIds(item, "in", n, where);
    const std::vector<int> out = ParseIds(item, "out", n, where);
    if (out.size() != 1) Fail(where, "has " + std::to_string(out.size()) + " results instead of one");
    op.out = out[0];
    if (item.contains("attrs")) op.attrs = ParseAttributes(item["attrs"], where);
    for (int id : op.in) definitions.Use(id, where);
    definitions.Define(op.out, where);
    try {
      CheckOp(TypedOp(program, op));
    } catch (const std::invalid_argument& error) {
      Fail(where, error.what());
    }
  }
  for (int id : program.outputs) {
    definitions.Use(id, "outputs");
    if (program.values[id].is_public()) {
      Fail("outputs", "value " + std::to_string(id) + " is public; whoever calls knows it without the parties");
    }
  }
}

}  // namespace

TypedOp ParseTypedOp(const std::string& json) {
  try {
    const Json op = Json::parse(json);
    const std::string name = Text(op, "op", "op");
    std::vector<ValueType> in;
    for (const Json& type : List(op, "in", name)) in.push_back(ParseValue(type, name + ", operand"));
    return TypedOp(name, std::move(in), ParseValue(Field(op, "out", name), name + ", result"),
                   ParseAttributes(Field(op, "attrs", name), name));
  } catch (const Json::exception& error) {
    Fail("op", std::string("is not valid JSON: ") + error.what());
  }
}

Program ParseProgram(const std::string& json, std::vector<Tensor> constants) {
  Program program;
  try {
    ParseBody(Json::parse(json), program);
  } catch (const Json::exception& error) {
    Fail("program", std::string("is not valid JSON: ") + error.what());
  }
  TakeConstants(program, std::move(constants));
  program.hash = HashOf(json, program.constant_values);
  return program;
}

}  // namespace ditto
