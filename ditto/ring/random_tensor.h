// Inputs and views for tests.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "ditto/ring/tensor.h"

namespace ditto {

// Uniform words, garbage above the width included, as protocols leave it; bits are 0/1.
inline Tensor RandomTensor(const Shape& shape, int width, std::mt19937_64& random) {
  Tensor t(shape, width);
  DispatchWord(width, [&](auto word) {
    using T = decltype(word);
    const T mask = width == 1 ? T{1} : static_cast<T>(~T{0});
    for (int64_t i = 0; i < t.size(); ++i) t.mutable_data<T>()[i] = static_cast<T>(random()) & mask;
  });
  return t;
}

// The reduced elements.
inline std::vector<uint64_t> Values(const Tensor& t) {
  std::vector<uint64_t> values;
  DispatchWord(t.width(), [&](auto word) {
    for (int64_t i = 0; i < t.size(); ++i) {
      values.push_back(uint64_t{t.data<decltype(word)>()[i]} & WidthMask<uint64_t>(t.width()));
    }
  });
  return values;
}

// The words as they are: for results that promise to be reduced.
inline std::vector<uint64_t> Words(const Tensor& t) {
  std::vector<uint64_t> words;
  DispatchWord(t.width(), [&](auto word) {
    for (int64_t i = 0; i < t.size(); ++i) words.push_back(t.data<decltype(word)>()[i]);
  });
  return words;
}

}  // namespace ditto
