// SPDX-License-Identifier: Apache-2.0
// What tests of variants share.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <new>
#include <vector>

#include "kernels/registry.h"
#include "random.h"

namespace ht::test {

struct Aligned {
  explicit Aligned(size_t bytes) : data(::operator new (bytes + 64, std::align_val_t{64})) {}
  ~Aligned() { ::operator delete (data, std::align_val_t{64}); }
  Aligned(const Aligned&) = delete;
  Aligned& operator=(const Aligned&) = delete;
  void* data;
};

// Runs each variant on the same arguments into outputs at an odd address, in two pieces, and compares with the last.
template <class Params>
void compare(Random& random, std::span<const Kernel<Params>> kernels, Params params, std::vector<const void*> inputs,
             size_t output_bytes, int32_t units) {
  const size_t shift = static_cast<size_t>(random.integer(0, 3)) * 4;
  std::vector<int8_t> expected;
  for (size_t i = kernels.size(); i-- > 0;) {
    const Kernel<Params>& kernel = kernels[i];
    if (!isa_usable(kernel.isa, Isa::kBest) || (kernel.accepts && !kernel.accepts(params))) continue;
    std::vector<int8_t> output(output_bytes + shift, 85);
    const Aligned scratch(kernel.scratch_bytes(params)), packed(kernel.packed_bytes(params));
    if constexpr (requires { params.packed; }) {
      params.packed = packed.data;
      if (kernel.pack) kernel.pack(&params, packed.data);
    }
    ht_arguments arguments{{}, output.data() + shift, scratch.data};
    std::copy(inputs.begin(), inputs.end(), arguments.inputs);
    const int32_t middle = random.integer(0, units);
    kernel.run(&params, &arguments, 0, middle);
    kernel.run(&params, &arguments, middle, units);
    if (expected.empty()) expected = output;
    ASSERT_EQ(expected, output) << kernel.name;
  }
}

}  // namespace ht::test
