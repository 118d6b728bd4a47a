#include "ditto/runtime/kernels.h"

#include <algorithm>
#include <sstream>
#include <stdexcept>
#include <unordered_map>
#include <utility>

namespace ditto {
namespace {

bool IsKind(const ValueType& type, char kind) {
  switch (kind) {
    case 'f':
      return type.kind == ValueKind::kFixedPoint;
    case 'b':
      return type.kind == ValueKind::kBit;
    case 'p':
      return type.is_public();
    default:
      return !type.is_public();
  }
}

void CheckOperands(const TypedOp& op, const Kernel& kernel) {
  std::string kinds = kernel.operands;
  if (kinds.back() == '*') {
    kinds.pop_back();
    if (op.in.size() > kinds.size()) kinds.append(op.in.size() - kinds.size(), kinds.back());
  }
  if (op.in.size() != kinds.size()) {
    throw std::invalid_argument(std::to_string(op.in.size()) + " operands instead of " + std::to_string(kinds.size()));
  }
  for (size_t i = 0; i < kinds.size(); ++i) {
    if (!IsKind(op.in[i], kinds[i])) {
      throw std::invalid_argument("operand " + std::to_string(i) + " of type " + ToString(op.in[i]) +
                                  " is not of the kind this op takes");
    }
  }
  const bool fits = kernel.result == 's' ? op.out.kind == op.in[0].kind : IsKind(op.out, kernel.result);
  if (!fits) throw std::invalid_argument("the result cannot be of type " + ToString(op.out));
}

void CheckAttributes(const TypedOp& op, const Kernel& kernel) {
  std::istringstream names(kernel.attributes);
  size_t known = 0;
  for (std::string name; names >> name;) {
    const bool optional = name.back() == '?';
    if (optional) name.pop_back();
    if (op.attrs.Has(name)) {
      ++known;
    } else if (!optional) {
      throw std::invalid_argument("attribute " + name + " is missing");
    }
  }
  if (known != op.attrs.values().size()) {
    throw std::invalid_argument(std::string("has attributes besides: ") + kernel.attributes);
  }
}

}  // namespace

const std::vector<Kernel>& Kernels() {
  static const std::vector<Kernel> table = [] {
    std::vector<Kernel> all = LocalKernels();
    for (auto part : {ProductAndBitKernels, FunctionKernels}) {
      for (const Kernel& kernel : part()) all.push_back(kernel);
    }
    return all;
  }();
  return table;
}

TypedOp::TypedOp(const Program& program, const Op& op) : name(op.name), out(program.values[op.out]), attrs(op.attrs) {
  for (int id : op.in) in.push_back(program.values[id]);
}

const Kernel& FindKernel(const std::string& name) {
  static const auto* index = [] {
    auto* map = new std::unordered_map<std::string, const Kernel*>;
    for (const Kernel& kernel : Kernels()) map->emplace(kernel.name, &kernel);
    return map;
  }();
  const auto it = index->find(name);
  if (it == index->end()) throw std::invalid_argument("the engine has no op \"" + name + "\"");
  return *it->second;
}

std::vector<int> NeedsOf(const TypedOp& op) {
  const Kernel& kernel = FindKernel(op.name);
  CheckOperands(op, kernel);
  CheckAttributes(op, kernel);
  std::vector<int> widths;
  for (size_t i = 0; i < op.in.size(); ++i) {
    widths.push_back(op.in[i].kind == ValueKind::kFixedPoint ? kernel.needs(op, i) : op.in[i].width);
  }
  return widths;
}

void CheckOp(const TypedOp& op) {
  const Kernel& kernel = FindKernel(op.name);
  CheckOperands(op, kernel);
  CheckAttributes(op, kernel);
  kernel.check(op);
  // Whoever states a protocol's cost also refuses what the protocol cannot compute.
  if (kernel.cost != nullptr) kernel.cost(op);
}

Landing LandingOf(TypedOp op, int width) {
  if (op.out.kind == ValueKind::kFixedPoint) op.out.width = width;
  Landing landing{NeedsOf(op), std::nullopt};
  for (size_t i = 0; i < op.in.size(); ++i) {
    if (landing.needs[i] > kMaxWidth) return landing;
    op.in[i].width = landing.needs[i];
  }
  try {
    CheckOp(op);
    landing.cost = CostOf(op);
  } catch (const std::invalid_argument&) {
    // Not in this width.
  }
  return landing;
}

Cost CostOf(const TypedOp& op) {
  const Kernel& kernel = FindKernel(op.name);
  return kernel.cost == nullptr ? Cost{} : kernel.cost(op);
}

bool IsGuarded(const Program& program) {
  return std::any_of(program.ops.begin(), program.ops.end(),
                     [](const Op& op) { return op.name.rfind("require_", 0) == 0; });
}

}  // namespace ditto
