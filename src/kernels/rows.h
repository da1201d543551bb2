// SPDX-License-Identifier: Apache-2.0
// What the lists of all architectures are made of.
#pragma once

#include <vector>

#include "kernels/registry.h"

// The members of a row whose kernel packs its weights.
#define HT_PACKED(name, isa_suffix)                          \
  do {                                                       \
    kernel.run = ht_##name##_run_##isa_suffix;               \
    kernel.scratch = ht_##name##_packed_scratch_##isa_suffix; \
    kernel.packed = ht_##name##_packed_##isa_suffix;         \
    kernel.pack = ht_##name##_pack_##isa_suffix;             \
  } while (false)

namespace ht::rows {

template <class Params>
using Rows = std::vector<Kernel<Params>>;

// Kernels written for an instruction set take the place of the compiler's rendering of the normative source.
template <class Params>
void specialize(Kernel<Params>&) {}

// Kernels beside those, in the order of preference.
template <class Params>
void add_variants(Rows<Params>&) {}

// Convolutions with 4-bit weights pack them as those of 8 bits.
template <auto kRun, auto kScratch, auto kPacked, auto kPack>
void unpack_first(Kernel<ht_conv_w4_params>& kernel) {
  kernel.scratch = [](const ht_conv_w4_params* p) { return kScratch(&p->conv); };
  kernel.packed = [](const ht_conv_w4_params* p) { return kPacked(&p->conv); };
  kernel.pack = [](const ht_conv_w4_params* p, void* packed) {
    ht_conv_params conv = p->conv;
    const auto depth = static_cast<size_t>(conv.kernel_height * conv.kernel_width * (conv.input_channels / conv.groups));
    std::vector<int8_t> weights(static_cast<size_t>(conv.output_channels) * depth);
    for (int32_t o = 0; o < conv.output_channels; ++o) ht_unpack_w4(p, o, weights.data() + static_cast<size_t>(o) * depth);
    conv.weights = weights.data();
    kPack(&conv, packed);
  };
  kernel.run = [](const ht_conv_w4_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
    ht_conv_params conv = p->conv;
    conv.packed = p->packed;
    kRun(&conv, a, begin, end);
  };
}

}  // namespace ht::rows
