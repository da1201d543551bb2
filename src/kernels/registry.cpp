// SPDX-License-Identifier: Apache-2.0
#include "kernels/registry.h"

#include <array>
#include <vector>

#include "kernels/kernel_table.h"
#if defined(__x86_64__)
#include "kernels/x86/amx_permission.h"
#include "kernels/x86/ht_conv_x86.h"
#include "kernels/x86/ht_elements_x86.h"
#endif

namespace ht {
namespace {

template <class Params>
using Rows = std::vector<Kernel<Params>>;

// Kernels written for an instruction set take the place of the compiler's rendering of the normative source.
template <class Params>
void specialize(Kernel<Params>&) {}

// Kernels beside those, in the order of preference.
template <class Params>
void add_variants(Rows<Params>&) {}

#if defined(__x86_64__)
#define HT_PACKED(name, isa_suffix)                          \
  do {                                                       \
    kernel.run = ht_##name##_run_##isa_suffix;               \
    kernel.scratch = ht_##name##_packed_scratch_##isa_suffix; \
    kernel.packed = ht_##name##_packed_##isa_suffix;         \
    kernel.pack = ht_##name##_pack_##isa_suffix;             \
  } while (false)

void specialize(Kernel<ht_conv_params>& kernel) {
  if (kernel.isa == Isa::kAvx512Vnni) HT_PACKED(conv, avx512vnni);
  if (kernel.isa == Isa::kAvx2) HT_PACKED(conv, avx2);
}

// Convolutions with 4-bit weights pack them as those of 8 bits.
template <auto kRun, auto kScratch, auto kPacked, auto kPack>
void unpack_first(Kernel<ht_conv_w4_params>& kernel) {
  kernel.scratch = [](const ht_conv_w4_params* p) { return kScratch(&p->conv); };
  kernel.packed = [](const ht_conv_w4_params* p) { return kPacked(&p->conv); };
  kernel.pack = [](const ht_conv_w4_params* p, void* packed) {
    ht_conv_params conv = p->conv;
    const auto outputs = static_cast<size_t>(conv.output_channels);
    const auto depth = static_cast<size_t>(conv.kernel_height * conv.kernel_width * (conv.input_channels / conv.groups));
    std::vector<int8_t> weights(outputs * depth);
    for (size_t o = 0; o < outputs; ++o) ht_unpack_w4(p->weights + o * ((depth + 1) / 2), depth, weights.data() + o * depth);
    conv.weights = weights.data();
    kPack(&conv, packed);
  };
  kernel.run = [](const ht_conv_w4_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
    ht_conv_params conv = p->conv;
    conv.packed = p->packed;
    kRun(&conv, a, begin, end);
  };
}

void specialize(Kernel<ht_conv_w4_params>& kernel) {
  if (kernel.isa == Isa::kAvx512Vnni)
    unpack_first<ht_conv_run_avx512vnni, ht_conv_packed_scratch_avx512vnni, ht_conv_packed_avx512vnni, ht_conv_pack_avx512vnni>(kernel);
  if (kernel.isa == Isa::kAvx2)
    unpack_first<ht_conv_run_avx2, ht_conv_packed_scratch_avx2, ht_conv_packed_avx2, ht_conv_pack_avx2>(kernel);
}

void specialize(Kernel<ht_conv_f32_params>& kernel) {
  if (kernel.isa == Isa::kAvx512Vnni) HT_PACKED(conv_f32, avx512vnni);
  if (kernel.isa == Isa::kAvx2) HT_PACKED(conv_f32, avx2);
}

// On Sapphire Rapids every convolution of YOLOX-nano and FastestDet takes less time by tiles than by VNNI, from a depth of 12
// on; in convolutions of many groups most of a tile is empty, so they are left to VNNI.
bool suits_tiles(const ht_conv_params& p) { return p.groups == 1 || p.output_channels / p.groups >= 16; }

void add_variants(Rows<ht_conv_params>& rows) {
  Kernel<ht_conv_params> kernel{.isa = Isa::kAmx, .name = "conv.amx", .run = nullptr};
  HT_PACKED(conv, amx);
  kernel.accepts = suits_tiles;
  rows.insert(rows.begin(), kernel);
}

void add_variants(Rows<ht_conv_w4_params>& rows) {
  Kernel<ht_conv_w4_params> kernel{.isa = Isa::kAmx, .name = "conv_w4.amx", .run = nullptr};
  unpack_first<ht_conv_run_amx, ht_conv_packed_scratch_amx, ht_conv_packed_amx, ht_conv_pack_amx>(kernel);
  kernel.accepts = [](const ht_conv_w4_params& p) { return suits_tiles(p.conv); };
  rows.insert(rows.begin(), kernel);
}

bool accepts_depthwise(const ht_depthwise_params& p) {
  return p.channel_multiplier == 1 && p.kernel_height * p.kernel_width <= HT_DEPTHWISE_TAPS;
}

void specialize(Kernel<ht_depthwise_params>& kernel) {
  if (kernel.isa == Isa::kAvx2) {
    kernel.run = ht_depthwise_run_avx2;
    kernel.accepts = accepts_depthwise;
  } else if (kernel.isa == Isa::kAvx512Vnni) {
    HT_PACKED(depthwise, avx512vnni);
    kernel.accepts = [](const ht_depthwise_params& p) { return ht_depthwise_accepts_avx512vnni(&p); };
  }
}

// What needs another epilogue.
void add_variants(Rows<ht_depthwise_params>& rows) {
  rows.insert(rows.begin() + 1, {.isa = Isa::kAvx512Vnni, .name = "depthwise.avx512", .run = ht_depthwise_run_avx512,
                                 .accepts = accepts_depthwise});
}
#undef HT_PACKED

#define HT_ELEMENTS(name)                                                          \
  void specialize(Kernel<ht_##name##_params>& kernel) {                                    \
    if (kernel.isa == Isa::kAvx512Vnni) kernel.run = ht_##name##_run_avx512;               \
  }
HT_ELEMENTS(binary)
HT_ELEMENTS(copy)
HT_ELEMENTS(depthwise_f32)
HT_ELEMENTS(pool)
HT_ELEMENTS(unary_f32)
#undef HT_ELEMENTS

// Two kernels have these parameters.
void specialize(Kernel<ht_convert_params>& kernel) {
  if (kernel.isa == Isa::kAvx512Vnni) kernel.run = kernel.run == ht_quantize_avx512vnni ? ht_quantize_run_avx512 : ht_dequantize_run_avx512;
}
#endif

// `fill` adds to a row what it takes from one instruction set's table.
template <class Params, class Fill>
Rows<Params> compiled(const std::array<std::string_view, 3>& names, Fill fill) {
  Rows<Params> rows{
#if defined(__x86_64__)
    fill(Kernel<Params>{.isa = Isa::kAvx512Vnni, .name = names[0], .run = nullptr}, ht_kernel_table_avx512vnni),
        fill(Kernel<Params>{.isa = Isa::kAvx2, .name = names[1], .run = nullptr}, ht_kernel_table_avx2),
#endif
        fill(Kernel<Params>{.isa = Isa::kC, .name = names[2], .run = nullptr}, ht_kernel_table_c)
  };
  add_variants(rows);
  return rows;
}

}  // namespace

#define HT_NAMES(name) \
  { name ".avx512vnni", name ".avx2", name ".c" }

#define HT_DEFINE(name, params)                                                                                          \
  std::span<const Kernel<params>> name##_kernels() {                                                                     \
    static const auto rows = compiled<params>(HT_NAMES(#name), [](Kernel<params> kernel, const ht_kernel_table& table) { \
      kernel.run = table.name;                                                                                           \
      specialize(kernel);                                                                                                \
      return kernel;                                                                                                     \
    });                                                                                                                  \
    return rows;                                                                                                         \
  }
HT_PLAIN_KERNELS(HT_DEFINE)
#undef HT_DEFINE

#define HT_DEFINE(name, params)                                                                                          \
  std::span<const Kernel<params>> name##_kernels() {                                                                     \
    static const auto rows = compiled<params>(HT_NAMES(#name), [](Kernel<params> kernel, const ht_kernel_table& table) { \
      kernel.run = table.name;                                                                                           \
      kernel.scratch = table.name##_scratch;                                                                             \
      specialize(kernel);                                                                                                \
      return kernel;                                                                                                     \
    });                                                                                                                  \
    return rows;                                                                                                         \
  }
HT_SCRATCH_KERNELS(HT_DEFINE)
#undef HT_DEFINE
#undef HT_NAMES

Isa detect_isa() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vnni"))
    return amx_permitted() ? Isa::kAmx : Isa::kAvx512Vnni;
  if (__builtin_cpu_supports("avx2")) return Isa::kAvx2;
#endif
  return Isa::kC;
}

bool isa_usable(Isa isa, Isa allowed) {
  if (isa == Isa::kC) return true;
  const bool x86 = isa == Isa::kAvx2 || isa == Isa::kAvx512Vnni || isa == Isa::kAmx;
  const bool same_family =
      allowed == Isa::kBest || x86 == (allowed == Isa::kAvx2 || allowed == Isa::kAvx512Vnni || allowed == Isa::kAmx);
  return same_family && isa <= allowed && isa <= detect_isa();
}

std::string_view isa_name(Isa isa) {
  switch (isa) {
    case Isa::kC:
      return "c";
    case Isa::kAvx2:
      return "avx2";
    case Isa::kAvx512Vnni:
      return "avx512vnni";
    case Isa::kAmx:
      return "amx";
    case Isa::kNeon:
      return "neon";
    case Isa::kDotprod:
      return "dotprod";
    case Isa::kI8mm:
      return "i8mm";
    case Isa::kBest:
      return "best";
  }
  return "c";
}

}  // namespace ht
