// The JSON text of a ring program, as the compiler writes it.
#pragma once

#include <string>
#include <vector>

#include "ditto/runtime/kernels.h"
#include "ditto/runtime/program.h"

namespace ditto {

// `constants` are int64 integers in 64-bit tensors. Throws ProgramError on text or constants that are no valid program.
Program ParseProgram(const std::string& json, std::vector<Tensor> constants);

// One op on its own, {"op": .., "in": [value, ..], "out": value, "attrs": {..}}, read but not checked. Throws
// ProgramError.
TypedOp ParseTypedOp(const std::string& json);

}  // namespace ditto
