// A ring program: what the compiler hands to the engine, checked once and then trusted.
//
// The text is JSON: values (with their types), operations in execution order, inputs, outputs, constants. Every value
// is defined once, before its first use, by an input, a constant or one operation.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

#include "ditto/ring/tensor.h"

namespace ditto {

// The program cannot be run as it stands. The message names the operation by index, name and layer.
class ProgramError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

enum class ValueKind { kFixedPoint, kBit, kPublic };

struct ValueType {
  ValueKind kind = ValueKind::kPublic;
  int width = 64;  // of the ring; 1 for bits; 64 for public integers
  int fraction = 0;
  Shape shape;
  std::optional<int> range;  // |integer| < 2^range is assumed; without a fraction -2^range is let in

  bool is_public() const { return kind == ValueKind::kPublic; }
};

bool operator==(const ValueType& a, const ValueType& b);  // all but the range
std::string ToString(const ValueType& type);              // fxp<32,8>[2,3]

// Named numbers of an operation: integers, lists of integers, or lists of real numbers.
class Attributes {
 public:
  using Value = std::variant<int64_t, std::vector<int64_t>, std::vector<double>>;

  Attributes() = default;
  explicit Attributes(std::map<std::string, Value> values) : values_(std::move(values)) {}

  bool Has(const std::string& name) const { return values_.count(name) > 0; }
  // These throw std::invalid_argument if the attribute is missing or of another kind.
  int64_t Int(const std::string& name) const;
  const std::vector<int64_t>& Ints(const std::string& name) const;
  std::vector<double> Reals(const std::string& name) const;
  const std::map<std::string, Value>& values() const { return values_; }

 private:
  std::map<std::string, Value> values_;
};

struct Op {
  std::string name;
  std::vector<int> in;
  int out = 0;
  Attributes attrs;
  std::string layer;
};

// A public value: int64 integers in the words of a 64-bit tensor.
struct Program {
  std::string name;
  std::vector<ValueType> values;
  std::vector<int> inputs;
  std::vector<int> outputs;
  std::vector<int> constants;
  std::vector<Op> ops;
  std::vector<Tensor> constant_values;  // in the order of `constants`
  std::string hash;                     // SHA-256 of the text and the constants, in hexadecimal

  // "op 12 (matmul, layer encoder/0)"
  std::string Describe(size_t op) const;
};

}  // namespace ditto
