// SPDX-License-Identifier: Apache-2.0
// What the self-checks of kernels share; self_check_windows.cpp and self_check_values.cpp hold one for each kernel.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <random>
#include <vector>

#include "kernels/registry.h"

namespace ht::self_check {

class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}
  // The standard's distributions differ between libraries; the engine's bits do not.
  int32_t between(int32_t low, int32_t high) {
    return static_cast<int32_t>(low + static_cast<int64_t>(engine_() % static_cast<uint64_t>(int64_t{high} - low + 1)));
  }
  double real(double low, double high) { return low + (high - low) * static_cast<double>(engine_() >> 11) * 0x1p-53; }
  std::vector<int8_t> bytes(int64_t count) {
    std::vector<int8_t> values(static_cast<size_t>(count));
    for (int8_t& value : values) value = static_cast<int8_t>(between(-128, 127));
    return values;
  }
  std::vector<int32_t> integers(int64_t count, int32_t low, int32_t high) {
    std::vector<int32_t> values(static_cast<size_t>(count));
    for (int32_t& value : values) value = between(low, high);
    return values;
  }
  std::vector<int16_t> shorts(int64_t count, int32_t low = INT16_MIN, int32_t high = INT16_MAX) {
    std::vector<int16_t> values(static_cast<size_t>(count));
    for (int16_t& value : values) value = static_cast<int16_t>(between(low, high));
    return values;
  }
  std::vector<float> floats(int64_t count, double low, double high) {
    std::vector<float> values(static_cast<size_t>(count));
    for (float& value : values) value = static_cast<float>(real(low, high));
    return values;
  }

 private:
  std::mt19937_64 engine_;
};

struct Free {
  void operator()(void* memory) const { std::free(memory); }
};
inline std::unique_ptr<void, Free> aligned_memory(size_t bytes) {
  constexpr size_t kAlignment = 64;
  return std::unique_ptr<void, Free>(std::aligned_alloc(kAlignment, (bytes / kAlignment + 1) * kAlignment));
}

// Each variant in two pieces that meet somewhere in the middle.
template <class Params>
bool agree(Random& random, std::span<const Kernel<Params>> kernels, Params params, std::vector<const void*> inputs,
           int64_t output_bytes, int32_t units) {
  std::vector<uint8_t> expected;
  const int32_t middle = random.between(0, units);
  for (size_t i = kernels.size(); i-- > 0;) {
    const Kernel<Params>& kernel = kernels[i];
    if (!isa_usable(kernel.isa, Isa::kBest) || (kernel.accepts && !kernel.accepts(params))) continue;
    std::vector<uint8_t> output(static_cast<size_t>(output_bytes), 0x55);
    const auto scratch = aligned_memory(kernel.scratch_bytes(params)), packed = aligned_memory(kernel.packed_bytes(params));
    if constexpr (requires { params.packed; }) {
      params.packed = packed.get();
      if (kernel.pack) kernel.pack(&params, packed.get());
    }
    ht_arguments arguments{{}, output.data(), scratch.get()};
    std::copy(inputs.begin(), inputs.end(), arguments.inputs);
    kernel.run(&params, &arguments, 0, middle);
    kernel.run(&params, &arguments, middle, units);
    if (expected.empty()) expected = output;
    if (output != expected) return false;
  }
  return true;
}

// check_conv(), check_depthwise(), ...: one round, whether all variants gave the same bits.
#define HT_DECLARE(name, params) bool check_##name(Random& random);
HT_KERNELS(HT_DECLARE)
#undef HT_DECLARE

}  // namespace ht::self_check
