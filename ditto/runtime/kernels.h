// The operations a ring program may contain: the only place where a ring op meets a protocol.
//
// Every op has one row in a table: its operands, attributes, how wide its operands have to be, what its types must
// satisfy, what it costs and how it runs. A new protocol is one row. The compiler asks the same table (_core.pyi).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ditto/protocols/cost.h"
#include "ditto/protocols/party.h"
#include "ditto/protocols/share.h"
#include "ditto/runtime/program.h"

namespace ditto {

// A value at run time: a share, or public integers (a tensor of width 64).
struct Value {
  Share share;
  Tensor integers;
};

// An op with the types of its operands and its result.
struct TypedOp {
  TypedOp(const Program& program, const Op& op);
  TypedOp(std::string name, std::vector<ValueType> in, ValueType out, Attributes attrs)
      : name(std::move(name)), in(std::move(in)), out(std::move(out)), attrs(std::move(attrs)) {}

  std::string name;
  std::vector<ValueType> in;
  ValueType out;
  Attributes attrs;

  int Int(const char* attribute) const { return static_cast<int>(attrs.Int(attribute)); }
  int64_t out_size() const { return NumElements(out.shape); }
};

using Operands = std::vector<const Value*>;

struct Kernel {
  const char* name;
  // One letter an operand: f fixed point, b bit, p public, s either of f and b; a final * repeats the letter before.
  const char* operands;
  // f, b, or s: the kind of the first operand.
  char result;
  // Names separated by spaces; those that end in ? may be missing.
  const char* attributes;
  // The width that fixed-point operand `i` should have for a result of its width: in fewer bits it is refused, or the
  // protocol widens it itself. Of the operands' types it reads all but the widths. Null: for ops that take none.
  int (*needs)(const TypedOp&, size_t i);
  // Throws std::invalid_argument unless types and attributes fit.
  void (*check)(const TypedOp&);
  // Null for ops without a message.
  Cost (*cost)(const TypedOp&);
  Share (*run)(Party&, const TypedOp&, const Operands&);
};

// The tables, by theme.
std::vector<Kernel> LocalKernels();
std::vector<Kernel> ProductAndBitKernels();
std::vector<Kernel> FunctionKernels();

// Throws std::invalid_argument if there is no such op.
const Kernel& FindKernel(const std::string& name);
// All rows, in the order of the tables.
const std::vector<Kernel>& Kernels();

// Throws std::invalid_argument if the op does not exist or its types and attributes do not fit.
void CheckOp(const TypedOp& op);
// The width that each operand should have; 1 for a bit, 64 for a public one. Throws std::invalid_argument if the op
// does not exist or has not the operands and attributes it needs.
std::vector<int> NeedsOf(const TypedOp& op);
// What becomes of an op if its result is made in another ring, and its operands are as wide as that needs.
struct Landing {
  std::vector<int> needs;
  std::optional<Cost> cost;  // none where the op is refused
};
// Throws as NeedsOf does.
Landing LandingOf(TypedOp op, int width);
// Of a checked op.
Cost CostOf(const TypedOp& op);

// Whether the program has ops that guard values, so that a run of it ends with FinishGuard (range_guard.h).
bool IsGuarded(const Program& program);

}  // namespace ditto
