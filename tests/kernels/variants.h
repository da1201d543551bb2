// SPDX-License-Identifier: Apache-2.0
// What tests of variants share.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <new>
#include <vector>

#include "kernels/conv_channels.h"
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

// Runs each variant for all output channels and for some and the others: the same bytes, and no more of them.
inline void compare_channels(Random& random, ht_conv_params params, const void* input, size_t output_bytes) {
  const int32_t blocks = (params.output_channels + kChannelBlock - 1) / kChannelBlock;
  if (params.groups != 1 || blocks < 2) return;
  const int32_t middle = random.integer(1, blocks - 1) * kChannelBlock;
  for (const Kernel<ht_conv_params>& kernel : conv_kernels()) {
    if (!may_run(kernel, params, Isa::kBest)) continue;
    const Aligned scratch(kernel.scratch_bytes(params)), packed(kernel.packed_bytes(params));
    params.packed = kernel.pack ? packed.data : nullptr;
    if (kernel.pack) kernel.pack(&params, packed.data);
    const auto run = [&](const ht_conv_params& p, std::vector<int8_t>& output, size_t offset) {
      const ht_arguments arguments{{input}, output.data() + offset, scratch.data};
      kernel.run(&p, &arguments, 0, conv_units(p));
    };
    std::vector<int8_t> all(output_bytes, 85), first(output_bytes, 85), second(output_bytes, 85);
    run(params, all, 0);
    const ConvChannels before = conv_channels(kernel, params, 0, middle), after = conv_channels(kernel, params, middle, params.output_channels - middle);
    run(before.params, first, before.output_offset);
    run(after.params, second, after.output_offset);
    // What a part has left alone is the other's to write.
    for (size_t i = 0; i < output_bytes; ++i) {
      const bool is_firsts = first[i] == all[i] && second[i] == 85, is_seconds = second[i] == all[i] && first[i] == 85;
      ASSERT_TRUE(is_firsts || is_seconds) << kernel.name << " by channels from " << middle << ", byte " << i;
    }
  }
}

}  // namespace ht::test
