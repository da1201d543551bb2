// SPDX-License-Identifier: Apache-2.0
// The lists' rows of kernels written for 64-bit Arm; registry.cpp alone includes this.
#pragma once

#include <asm/hwcap.h>
#include <sys/auxv.h>

#include "kernels/arm/ht_conv_arm.h"
#include "kernels/rows.h"

namespace ht::rows {

#define HT_ROW(isa_name, isa_suffix)                                                            \
  {                                                                                             \
    Kernel<ht_conv_params> kernel{.isa = isa_name, .name = "conv." #isa_suffix, .run = nullptr}; \
    HT_PACKED(conv, isa_suffix);                                                                \
    rows.insert(rows.end() - 1, kernel);                                                        \
  }
inline void add_variants(Rows<ht_conv_params>& rows) {
  HT_ROW(Isa::kI8mm, i8mm)
  HT_ROW(Isa::kDotprod, dotprod)
  HT_ROW(Isa::kNeon, neon)
}
#undef HT_ROW

#define HT_ROW(isa_name, isa_suffix)                                                                                              \
  {                                                                                                                               \
    Kernel<ht_conv_w4_params> kernel{.isa = isa_name, .name = "conv_w4." #isa_suffix, .run = nullptr};                             \
    unpack_first<ht_conv_run_##isa_suffix, ht_conv_packed_scratch_##isa_suffix, ht_conv_packed_##isa_suffix,                      \
                 ht_conv_pack_##isa_suffix>(kernel);                                                                              \
    rows.insert(rows.end() - 1, kernel);                                                                                          \
  }
inline void add_variants(Rows<ht_conv_w4_params>& rows) {
  HT_ROW(Isa::kI8mm, i8mm)
  HT_ROW(Isa::kDotprod, dotprod)
  HT_ROW(Isa::kNeon, neon)
}
#undef HT_ROW

#define HT_ROW(isa_name, isa_suffix, accepts_it)                                                          \
  {                                                                                                       \
    Kernel<ht_depthwise_params> kernel{.isa = isa_name, .name = "depthwise." #isa_suffix, .run = nullptr}; \
    HT_PACKED(depthwise, isa_suffix);                                                                     \
    kernel.accepts = [](const ht_depthwise_params& p) { return accepts_it; };                             \
    rows.insert(rows.end() - 1, kernel);                                                                  \
  }
inline void add_variants(Rows<ht_depthwise_params>& rows) {
  HT_ROW(Isa::kDotprod, dotprod, ht_depthwise_accepts_dotprod(&p))
  HT_ROW(Isa::kNeon, neon, p.channel_multiplier == 1 && p.kernel_height * p.kernel_width <= HT_DEPTHWISE_TAPS)
}
#undef HT_ROW

inline Isa detect() {
  if ((getauxval(AT_HWCAP) & HWCAP_ASIMDDP) == 0) return Isa::kNeon;
  return (getauxval(AT_HWCAP2) & HWCAP2_I8MM) == 0 ? Isa::kDotprod : Isa::kI8mm;
}

}  // namespace ht::rows
