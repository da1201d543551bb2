// SPDX-License-Identifier: Apache-2.0
// The lists' rows of kernels written for 64-bit Arm; registry.cpp alone includes this.
#pragma once

#include <asm/hwcap.h>
#include <sys/auxv.h>

#include "kernels/arm/ht_conv_arm.h"
#include "kernels/rows.h"

namespace ht::rows {

#define HT_VARIANT(name_of, isa_of, suffix)                                                      \
  Kernel<ht_##name_of##_params> {                                                                \
    .isa = isa_of, .name = #name_of "." #suffix, .run = ht_##name_of##_run_##suffix,             \
    .scratch = ht_##name_of##_packed_scratch_##suffix, .packed = ht_##name_of##_packed_##suffix, \
    .pack = ht_##name_of##_pack_##suffix                                                         \
  }

inline void add_variants(Rows<ht_conv_params>& rows) {
  rows.insert(rows.begin(),
              {HT_VARIANT(conv, Isa::kI8mm, i8mm), HT_VARIANT(conv, Isa::kDotprod, dotprod), HT_VARIANT(conv, Isa::kNeon, neon)});
}

inline void add_variants(Rows<ht_depthwise_params>& rows) {
  auto dotprod = HT_VARIANT(depthwise, Isa::kDotprod, dotprod), neon = HT_VARIANT(depthwise, Isa::kNeon, neon);
  dotprod.accepts = [](const ht_depthwise_params& p) { return ht_depthwise_accepts_dotprod(&p); };
  neon.accepts = [](const ht_depthwise_params& p) { return ht_depthwise_accepts_neon(&p); };
  rows.insert(rows.begin(), {dotprod, neon});
}
#undef HT_VARIANT

inline void add_variants(Rows<ht_conv_w4_params>& rows) {
  Kernel<ht_conv_w4_params> i8mm{.isa = Isa::kI8mm, .name = "conv_w4.i8mm", .run = nullptr},
      dotprod{.isa = Isa::kDotprod, .name = "conv_w4.dotprod", .run = nullptr},
      neon{.isa = Isa::kNeon, .name = "conv_w4.neon", .run = nullptr};
  unpack_first<ht_conv_run_i8mm, ht_conv_packed_scratch_i8mm, ht_conv_packed_i8mm, ht_conv_pack_i8mm>(i8mm);
  unpack_first<ht_conv_run_dotprod, ht_conv_packed_scratch_dotprod, ht_conv_packed_dotprod, ht_conv_pack_dotprod>(dotprod);
  unpack_first<ht_conv_run_neon, ht_conv_packed_scratch_neon, ht_conv_packed_neon, ht_conv_pack_neon>(neon);
  rows.insert(rows.begin(), {i8mm, dotprod, neon});
}

inline Isa detect() {
  if ((getauxval(AT_HWCAP) & HWCAP_ASIMDDP) == 0) return Isa::kNeon;
  return (getauxval(AT_HWCAP2) & HWCAP2_I8MM) == 0 ? Isa::kDotprod : Isa::kI8mm;
}

}  // namespace ht::rows
