// SPDX-License-Identifier: Apache-2.0
// The loops over elements that calibration spends its time in, in variants that leave the same bits.
#pragma once

#include <bit>
#include <cstdint>
#include <span>
#include <string_view>

#include "halftone/context.h"

namespace ht {

// Integers in the order of the floats: -NaN < -inf < ... < -0 < +0 < ... < inf < NaN. Comparing them needs no care for NaN.
constexpr int32_t order_key(float x) {
  const auto bits = std::bit_cast<int32_t>(x);
  return bits ^ ((bits >> 31) & 0x7fffffff);
}
constexpr float from_order_key(int32_t key) { return std::bit_cast<float>(key ^ ((key >> 31) & 0x7fffffff)); }
inline constexpr int32_t kKeyOfInfinity = 0x7f800000, kKeyOfMinusInfinity = ~0x7f800000;

struct ScanKernels {
  std::string_view name;
  // Lowers *least and raises *greatest to the keys of the elements.
  void (*extremes)(const float* data, int64_t size, int32_t* least, int32_t* greatest);
  // The same lane by lane: data is [rows, lanes].
  void (*row_extremes)(const float* data, int64_t rows, int64_t lanes, int32_t* least, int32_t* greatest);
  // Adds q and q^2, q = round(x * scale), half to even, to each lane's sums; |x * scale| <= 2^22 and rows <= 2^18.
  void (*row_sums)(const float* data, int64_t rows, int64_t lanes, float scale, int64_t* sums, int64_t* squares);
  // bins[i] = per_side + trunc(x * inverse_width) - (x < 0).
  void (*bins)(const float* data, int64_t size, float inverse_width, int32_t per_side, int32_t* bins);
};

// Those that this machine can run, the best first, the reference last.
std::span<const ScanKernels> scan_kernels();
const ScanKernels& choose_scan_kernels(halftone::Isa cap);

}  // namespace ht
