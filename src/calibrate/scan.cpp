// SPDX-License-Identifier: Apache-2.0
#include "calibrate/scan.h"

#include <algorithm>
#include <array>

namespace ht {
namespace {

#define HT_INLINE inline __attribute__((always_inline))

HT_INLINE void extremes_body(const float* data, int64_t size, int32_t* least, int32_t* greatest) {
  int32_t low = *least, high = *greatest;
  for (int64_t i = 0; i < size; ++i) {
    const int32_t key = order_key(data[i]);
    low = std::min(low, key);
    high = std::max(high, key);
  }
  *least = low;
  *greatest = high;
}

HT_INLINE void row_extremes_body(const float* __restrict data, int64_t rows, int64_t lanes, int32_t* __restrict least,
                                 int32_t* __restrict greatest) {
  // Four rows at a time, so that the lanes' extremes are loaded and stored a quarter as often.
  int64_t row = 0;
  for (; row + 4 <= rows; row += 4) {
    const float* x = data + row * lanes;
    for (int64_t i = 0; i < lanes; ++i) {
      const int32_t a = order_key(x[i]), b = order_key(x[i + lanes]), c = order_key(x[i + 2 * lanes]),
                    d = order_key(x[i + 3 * lanes]);
      least[i] = std::min(least[i], std::min(std::min(a, b), std::min(c, d)));
      greatest[i] = std::max(greatest[i], std::max(std::max(a, b), std::max(c, d)));
    }
  }
  for (; row < rows; ++row) {
    const float* x = data + row * lanes;
    for (int64_t i = 0; i < lanes; ++i) {
      const int32_t key = order_key(x[i]);
      least[i] = std::min(least[i], key);
      greatest[i] = std::max(greatest[i], key);
    }
  }
}

HT_INLINE void row_sums_body(const float* __restrict data, int64_t rows, int64_t lanes, float scale, int64_t* __restrict sums,
                             int64_t* __restrict squares) {
  // Adding 1.5 * 2^23 leaves the rounded integer in the low bits of the float.
  constexpr float kMagic = 12582912.0f;
  for (int64_t row = 0; row < rows; ++row) {
    const float* x = data + row * lanes;
    for (int64_t i = 0; i < lanes; ++i) {
      const int32_t q = std::bit_cast<int32_t>(x[i] * scale + kMagic) - std::bit_cast<int32_t>(kMagic);
      sums[i] += q;
      squares[i] += static_cast<int64_t>(q) * q;
    }
  }
}

HT_INLINE void bins_body(const float* __restrict data, int64_t size, float inverse_width, int32_t per_side,
                         int32_t* __restrict bins) {
  for (int64_t i = 0; i < size; ++i) bins[i] = per_side + static_cast<int32_t>(data[i] * inverse_width) - (data[i] < 0);
}

// One variant: the bodies above, compiled for the instruction set that the attribute names.
#define HT_SCAN_VARIANT(isa, attribute)                                                                                         \
  attribute void extremes_##isa(const float* data, int64_t size, int32_t* least, int32_t* greatest) {                           \
    extremes_body(data, size, least, greatest);                                                                                 \
  }                                                                                                                             \
  attribute void row_extremes_##isa(const float* data, int64_t rows, int64_t lanes, int32_t* least, int32_t* greatest) {        \
    row_extremes_body(data, rows, lanes, least, greatest);                                                                      \
  }                                                                                                                             \
  attribute void row_sums_##isa(const float* data, int64_t rows, int64_t lanes, float scale, int64_t* sums, int64_t* squares) { \
    row_sums_body(data, rows, lanes, scale, sums, squares);                                                                     \
  }                                                                                                                             \
  attribute void bins_##isa(const float* data, int64_t size, float inverse_width, int32_t per_side, int32_t* bins) {            \
    bins_body(data, size, inverse_width, per_side, bins);                                                                       \
  }
#define HT_SCAN_ROW(isa) \
  { #isa, extremes_##isa, row_extremes_##isa, row_sums_##isa, bins_##isa }

HT_SCAN_VARIANT(c, )
#if defined(__x86_64__)
HT_SCAN_VARIANT(avx2, __attribute__((target("avx2"))))
HT_SCAN_VARIANT(avx512, __attribute__((target("avx512f,prefer-vector-width=512"))))
constexpr std::array<ScanKernels, 3> kVariants = {{HT_SCAN_ROW(avx512), HT_SCAN_ROW(avx2), HT_SCAN_ROW(c)}};
size_t first_supported() { return __builtin_cpu_supports("avx512f") ? 0 : __builtin_cpu_supports("avx2") ? 1 : 2; }
#else
constexpr std::array<ScanKernels, 1> kVariants = {{HT_SCAN_ROW(c)}};
size_t first_supported() { return 0; }
#endif

}  // namespace

std::span<const ScanKernels> scan_kernels() { return std::span(kVariants).subspan(first_supported()); }

const ScanKernels& choose_scan_kernels(halftone::Isa cap) {
  const auto supported = scan_kernels();
  std::string_view wanted;
  switch (cap) {
    case halftone::Isa::kC:
      wanted = "c";
      break;
    case halftone::Isa::kAvx2:
      wanted = "avx2";
      break;
    case halftone::Isa::kAvx512Vnni:
    case halftone::Isa::kAmx:
    case halftone::Isa::kNeon:
    case halftone::Isa::kDotprod:
    case halftone::Isa::kI8mm:
    case halftone::Isa::kBest:
      return supported.front();
  }
  for (const ScanKernels& kernels : supported) {
    if (kernels.name == wanted) return kernels;
  }
  return supported.back();
}

}  // namespace ht
