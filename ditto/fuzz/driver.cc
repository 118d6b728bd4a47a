// Runs a fuzz target where there is no libFuzzer: on every file of its corpus, then on changed ones until the time is
// over. Takes libFuzzer's flags: TARGET [-max_total_time=SECONDS] [-seed=N] FILE...
//
// It is not guided by coverage, so corpus and mutators have to lead to where the code is. Build it with sanitizers. An
// input that ends the process is written to crash.bin, in the folder that Bazel keeps a test's outputs of.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "ditto/fuzz/fuzz.h"

// So that what the sanitizers find ends up in the handler below, too.
extern "C" const char* __asan_default_options() { return "abort_on_error=1"; }
extern "C" const char* __ubsan_default_options() { return "abort_on_error=1"; }

namespace {

using Clock = std::chrono::steady_clock;
using Input = std::vector<uint8_t>;

// Long ones find nothing that short ones do not, and fewer of them are tried.
constexpr size_t kMaxBytes = 1 << 14;
// A changed input is often changed again.
constexpr size_t kMostCorpus = 4096;

std::mt19937_64 generator;
const Input* running = nullptr;

size_t Below(size_t n) { return generator() % n; }

// Of a sanitizer, of a target that asserts, and of exceptions that nobody catches.
void Abort(int) {
  if (running != nullptr) {
    const char* folder = std::getenv("TEST_UNDECLARED_OUTPUTS_DIR");
    const std::string path = std::string(folder ? folder : ".") + "/crash.bin";
    std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char*>(running->data()), running->size());
    std::fprintf(stderr, "the input of %zu bytes is in %s\n", running->size(), path.c_str());
  }
  std::_Exit(1);
}

void Run(const Input& input) {
  running = &input;
  // A copy that ends where its memory does, for the address sanitizer.
  const Input exact(input);
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
  running = nullptr;
}

Input Changed(Input input) {
  const size_t size = input.size();
  input.resize(std::max(kMaxBytes, size));
  input.resize(LLVMFuzzerCustomMutator
                   ? LLVMFuzzerCustomMutator(input.data(), size, input.size(), static_cast<unsigned>(generator()))
                   : LLVMFuzzerMutate(input.data(), size, input.size()));
  return input;
}

}  // namespace

size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size) {
  for (size_t changes = 1 + Below(4); changes > 0; --changes) {
    const size_t at = size > 0 ? Below(size) : 0;
    const size_t length = size > 0 ? 1 + Below(std::min<size_t>(size - at, 16)) : 0;
    switch (Below(7)) {
      case 0:  // a bit
        if (size > 0) data[at] ^= static_cast<uint8_t>(1 << Below(8));
        break;
      case 1:  // some bytes
        for (size_t i = 0; i < length; ++i) data[at + i] = static_cast<uint8_t>(generator());
        break;
      case 2:  // ones, as in sizes that are too large
        std::fill_n(data + at, length, Below(2) ? 0xff : 0);
        break;
      case 3:  // the end is missing
        size = at;
        break;
      case 4:  // a part is missing
        std::memmove(data + at, data + at + length, size - at - length);
        size -= length;
        break;
      case 5:  // a part is there twice
        if (size + length > max_size) break;
        std::memmove(data + at + length, data + at, size - at);
        size += length;
        break;
      default:  // a part stands elsewhere too
        if (size > 0) std::memmove(data + Below(size - length + 1), data + at, length);
    }
  }
  return size;
}

int main(int argc, char** argv) {
  double seconds = 0;
  uint64_t seed = std::random_device()();
  std::vector<Input> corpus;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument.rfind("-max_total_time=", 0) == 0) {
      seconds = std::stod(argument.substr(16));
    } else if (argument.rfind("-seed=", 0) == 0) {
      seed = std::stoull(argument.substr(6));
    } else {
      std::ifstream file(argument, std::ios::binary);
      if (!file) {
        std::fprintf(stderr, "cannot read %s\n", argument.c_str());
        return 1;
      }
      corpus.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
    }
  }
  if (corpus.empty()) {
    std::fprintf(stderr, "name at least one file to begin with\n");
    return 1;
  }
  std::fprintf(stderr, "%zu files, then other inputs for %g s with -seed=%llu\n", corpus.size(), seconds,
               static_cast<unsigned long long>(seed));
  generator.seed(seed);
  std::signal(SIGABRT, Abort);

  for (const Input& input : corpus) Run(input);
  size_t runs = 0;
  const size_t files = corpus.size();
  const auto end = Clock::now() + std::chrono::duration<double>(seconds);
  while (Clock::now() < end) {
    Input input = Changed(corpus[Below(corpus.size())]);
    Run(input);
    ++runs;
    if (Below(4) == 0 && input.size() <= kMaxBytes) {
      if (corpus.size() < kMostCorpus) {
        corpus.push_back(std::move(input));
      } else {
        corpus[files + Below(corpus.size() - files)] = std::move(input);
      }
    }
  }
  std::fprintf(stderr, "%zu inputs besides the files\n", runs);
}
