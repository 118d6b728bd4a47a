// What a fuzz target is: the functions that libFuzzer knows, so that the targets run under it too.
#pragma once

#include <cstddef>
#include <cstdint>

extern "C" {

// Runs the code under test on some bytes. Returns 0; whatever else happens than an error that the code is meant to
// throw, and the target catches, is a finding.
int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

// Changes `data`, of `size` bytes and with room for `max_size`, in a way of the target's own. Returns the new size.
__attribute__((weak)) size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned int seed);

// Changes some bytes. A custom mutator may leave what it cannot read to this.
size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);
}
