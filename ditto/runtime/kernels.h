// The operations a ring program may contain: the only place where a ring op meets a protocol.
//
// Every op has one row in a table: its operands, attributes, what its types must satisfy, what it costs and how it
// runs. A new protocol is one row.
#pragma once

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
// The names of all ops, in the order of the tables.
std::vector<std::string> KernelNames();

// Throws std::invalid_argument if the op does not exist or its types and attributes do not fit.
void CheckOp(const TypedOp& op);
// Of a checked op.
Cost CostOf(const TypedOp& op);

// Whether the program has ops that guard values, so that a run of it ends with FinishGuard (range_guard.h).
bool IsGuarded(const Program& program);

}  // namespace ditto
