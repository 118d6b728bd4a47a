#include "ditto/runtime/program.h"

namespace ditto {

bool operator==(const ValueType& a, const ValueType& b) {
  return a.kind == b.kind && a.width == b.width && a.fraction == b.fraction && a.shape == b.shape;
}

std::string ToString(const ValueType& type) {
  const std::string shape = ToString(type.shape);
  if (type.kind == ValueKind::kBit) return "bit" + shape;
  if (type.is_public()) return "public" + shape;
  return "fxp<" + std::to_string(type.width) + "," + std::to_string(type.fraction) + ">" + shape;
}

int64_t Attributes::Int(const std::string& name) const {
  const auto it = values_.find(name);
  if (it == values_.end()) throw std::invalid_argument("attribute " + name + " is missing");
  if (const auto* value = std::get_if<int64_t>(&it->second)) return *value;
  throw std::invalid_argument("attribute " + name + " is not an integer");
}

const std::vector<int64_t>& Attributes::Ints(const std::string& name) const {
  const auto it = values_.find(name);
  if (it == values_.end()) throw std::invalid_argument("attribute " + name + " is missing");
  if (const auto* value = std::get_if<std::vector<int64_t>>(&it->second)) return *value;
  throw std::invalid_argument("attribute " + name + " is not a list of integers");
}

std::vector<double> Attributes::Reals(const std::string& name) const {
  const auto it = values_.find(name);
  if (it == values_.end()) throw std::invalid_argument("attribute " + name + " is missing");
  if (const auto* reals = std::get_if<std::vector<double>>(&it->second)) return *reals;
  const std::vector<int64_t>& ints = Ints(name);
  return std::vector<double>(ints.begin(), ints.end());
}

std::string Program::Describe(size_t op) const {
  const std::string layer = ops[op].layer.empty() ? "" : ", layer " + ops[op].layer;
  return "op " + std::to_string(op) + " (" + ops[op].name + layer + ")";
}

}  // namespace ditto
