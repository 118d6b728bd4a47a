// Function multi-versioning for plain loops.
//
// DITTO_TARGET_CLONES before a function makes the compiler emit it for AVX-512, AVX2 and the baseline, and the loader
// choose by CPU. It reaches only what is inlined into that function.
#pragma once

// The loader's choice runs before a sanitizer's runtime is up: define DITTO_NO_TARGET_CLONES in such builds.
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && !defined(DITTO_NO_TARGET_CLONES)
#define DITTO_TARGET_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define DITTO_TARGET_CLONES
#endif
