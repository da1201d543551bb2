// SPDX-License-Identifier: Apache-2.0
// The lists' rows of kernels written for x86; registry.cpp alone includes this.
#pragma once

#include "kernels/rows.h"
#include "kernels/x86/amx_permission.h"
#include "kernels/x86/ht_conv_x86.h"
#include "kernels/x86/ht_elements_x86.h"

namespace ht::rows {

inline void specialize(Kernel<ht_conv_params>& kernel) {
  if (kernel.isa == Isa::kAvx512Vnni) HT_PACKED(conv, avx512vnni);
  if (kernel.isa == Isa::kAvx2) HT_PACKED(conv, avx2);
}

inline void specialize(Kernel<ht_conv_w4_params>& kernel) {
  if (kernel.isa == Isa::kAvx512Vnni)
    unpack_first<ht_conv_run_avx512vnni, ht_conv_packed_scratch_avx512vnni, ht_conv_packed_avx512vnni, ht_conv_pack_avx512vnni>(kernel);
  if (kernel.isa == Isa::kAvx2)
    unpack_first<ht_conv_run_avx2, ht_conv_packed_scratch_avx2, ht_conv_packed_avx2, ht_conv_pack_avx2>(kernel);
}

inline void specialize(Kernel<ht_conv_f32_params>& kernel) {
  if (kernel.isa == Isa::kAvx512Vnni) HT_PACKED(conv_f32, avx512vnni);
  if (kernel.isa == Isa::kAvx2) HT_PACKED(conv_f32, avx2);
}

inline void specialize(Kernel<ht_conv_s16_params>& kernel) {
  if (kernel.isa == Isa::kAvx512Vnni) HT_PACKED(conv_s16, avx512vnni);
  if (kernel.isa == Isa::kAvx2) HT_PACKED(conv_s16, avx2);
}

inline Kernel<ht_conv_params> conv_by_tiles() {
  Kernel<ht_conv_params> kernel{.isa = Isa::kAmx, .name = "conv.amx", .run = nullptr};
  HT_PACKED(conv, amx);
  kernel.accepts = [](const ht_conv_params& p) { return ht_conv_accepts_amx(&p); };
  return kernel;
}
inline Kernel<ht_conv_params> conv_by_tiles_of_rows() {
  Kernel<ht_conv_params> kernel{.isa = Isa::kAmx, .name = "conv.amx_rows", .run = nullptr};
  HT_PACKED(conv, amx_rows);
  kernel.accepts = [](const ht_conv_params& p) { return ht_conv_accepts_amx_rows(&p); };
  return kernel;
}
inline Kernel<ht_conv_params> conv_by_rows() {
  Kernel<ht_conv_params> kernel{.isa = Isa::kAvx512Vnni, .name = "conv.avx512vnni_rows", .run = nullptr};
  HT_PACKED(conv, avx512vnni_rows);
  kernel.accepts = [](const ht_conv_params& p) { return ht_conv_accepts_avx512vnni_rows(&p); };
  return kernel;
}
inline void add_variants(Rows<ht_conv_params>& rows) {
  rows.insert(rows.begin(), {conv_by_tiles_of_rows(), conv_by_tiles(), conv_by_rows()});
}

inline Kernel<ht_conv_w4_params> conv_w4_by_tiles() {
  Kernel<ht_conv_w4_params> kernel{.isa = Isa::kAmx, .name = "conv_w4.amx", .run = nullptr};
  unpack_first<ht_conv_run_amx, ht_conv_packed_scratch_amx, ht_conv_packed_amx, ht_conv_pack_amx>(kernel);
  kernel.accepts = [](const ht_conv_w4_params& p) { return ht_conv_accepts_amx(&p.conv); };
  return kernel;
}
inline Kernel<ht_conv_w4_params> conv_w4_by_tiles_of_rows() {
  Kernel<ht_conv_w4_params> kernel{.isa = Isa::kAmx, .name = "conv_w4.amx_rows", .run = nullptr};
  unpack_first<ht_conv_run_amx_rows, ht_conv_packed_scratch_amx_rows, ht_conv_packed_amx_rows, ht_conv_pack_amx_rows>(kernel);
  kernel.accepts = [](const ht_conv_w4_params& p) { return ht_conv_accepts_amx_rows(&p.conv); };
  return kernel;
}
inline Kernel<ht_conv_w4_params> conv_w4_by_rows() {
  Kernel<ht_conv_w4_params> kernel{.isa = Isa::kAvx512Vnni, .name = "conv_w4.avx512vnni_rows", .run = nullptr};
  unpack_first<ht_conv_run_avx512vnni_rows, ht_conv_packed_scratch_avx512vnni_rows, ht_conv_packed_avx512vnni_rows,
               ht_conv_pack_avx512vnni_rows>(kernel);
  kernel.accepts = [](const ht_conv_w4_params& p) { return ht_conv_accepts_avx512vnni_rows(&p.conv); };
  return kernel;
}
inline void add_variants(Rows<ht_conv_w4_params>& rows) {
  rows.insert(rows.begin(), {conv_w4_by_tiles_of_rows(), conv_w4_by_tiles(), conv_w4_by_rows()});
}

inline bool accepts_depthwise(const ht_depthwise_params& p) {
  return p.channel_multiplier == 1 && p.kernel_height * p.kernel_width <= HT_DEPTHWISE_TAPS;
}

inline void specialize(Kernel<ht_depthwise_params>& kernel) {
  if (kernel.isa == Isa::kAvx2) {
    kernel.run = ht_depthwise_run_avx2;
    kernel.accepts = accepts_depthwise;
  } else if (kernel.isa == Isa::kAvx512Vnni) {
    HT_PACKED(depthwise, avx512vnni);
    kernel.accepts = [](const ht_depthwise_params& p) { return ht_depthwise_accepts_avx512vnni(&p); };
  }
}

// What needs another epilogue.
inline void add_variants(Rows<ht_depthwise_params>& rows) {
  rows.insert(rows.begin() + 1, {.isa = Isa::kAvx512Vnni, .name = "depthwise.avx512", .run = ht_depthwise_run_avx512,
                                 .accepts = accepts_depthwise});
}

#define HT_ELEMENTS(name)                                                    \
  inline void specialize(Kernel<ht_##name##_params>& kernel) {               \
    if (kernel.isa == Isa::kAvx512Vnni) kernel.run = ht_##name##_run_avx512; \
  }
HT_ELEMENTS(binary)
HT_ELEMENTS(copy)
HT_ELEMENTS(depthwise_f32)
HT_ELEMENTS(gather)
HT_ELEMENTS(pool)
HT_ELEMENTS(table)
#undef HT_ELEMENTS

inline void specialize(Kernel<ht_unary_f32_params>& kernel) {
  if (kernel.isa == Isa::kAvx512Vnni) kernel.run = ht_unary_f32_run_avx512;
  if (kernel.isa == Isa::kAvx2) kernel.run = ht_unary_f32_run_avx2;
}

inline void specialize(Kernel<ht_gemm_f32_params>& kernel) {
  if (kernel.isa == Isa::kAvx512Vnni) kernel.run = ht_gemm_f32_run_avx512vnni;
  if (kernel.isa == Isa::kAvx2) kernel.run = ht_gemm_f32_run_avx2;
}

// Two kernels have these parameters.
inline void specialize(Kernel<ht_convert_params>& kernel) {
  if (kernel.isa == Isa::kAvx512Vnni) kernel.run = kernel.run == ht_quantize_avx512vnni ? ht_quantize_run_avx512 : ht_dequantize_run_avx512;
}

inline Isa detect() {
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vnni"))
    return amx_permitted() ? Isa::kAmx : Isa::kAvx512Vnni;
  return __builtin_cpu_supports("avx2") ? Isa::kAvx2 : Isa::kC;
}

}  // namespace ht::rows
