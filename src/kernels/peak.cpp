// SPDX-License-Identifier: Apache-2.0
#include "kernels/peak.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "kernels/registry.h"

namespace ht {
namespace {

// Per second; the best of some tries of some milliseconds.
template <class Work>
double best_rate(double amount, Work work) {
  constexpr int kTries = 5;
  constexpr double kSeconds = 0.01;
  double best = 0;
  for (int i = 0; i < kTries; ++i) {
    int64_t rounds = 0;
    const ProcessorTime time;
    double elapsed = 0;
    for (; elapsed < kSeconds; elapsed = time.seconds(), ++rounds) work();
    best = std::max(best, static_cast<double>(rounds) * amount / elapsed);
  }
  return best;
}

#if defined(__x86_64__)
constexpr int kLoops = 4096;

// Enough independent sums to hide the latency of an addition; the two last registers are factors.
#define HT_SUMS ".irp sum,0,1,2,3,4,5,6,7,8,9,10,11\n"
constexpr double kSums = 12;
#define HT_LOOP(before, instructions, after, ...)                                                         \
  do {                                                                                                    \
    int left = kLoops;                                                                                    \
    asm volatile(before "1:\n" instructions "dec %0\njnz 1b\n" after : "+r"(left) : : "cc", __VA_ARGS__); \
  } while (false)
#define HT_VECTORS                                                                                                             \
  "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", \
      "xmm15"
// Zeros, which take as long as other numbers.
#define HT_ZEROS \
  HT_SUMS "vpxor %%xmm\\sum,%%xmm\\sum,%%xmm\\sum\n.endr\nvpxor %%xmm14,%%xmm14,%%xmm14\nvpxor %%xmm15,%%xmm15,%%xmm15\n"
#define HT_SSE_ZEROS \
  HT_SUMS "pxor %%xmm\\sum,%%xmm\\sum\n.endr\npxor %%xmm13,%%xmm13\npxor %%xmm14,%%xmm14\npxor %%xmm15,%%xmm15\n"

void add_sse() {
  HT_LOOP(HT_SSE_ZEROS, HT_SUMS "movdqa %%xmm14,%%xmm13\npmaddwd %%xmm15,%%xmm13\npaddd %%xmm13,%%xmm\\sum\n.endr\n", "",
          HT_VECTORS);
}
void add_float_sse() {
  HT_LOOP(HT_SSE_ZEROS, HT_SUMS "movaps %%xmm14,%%xmm13\nmulps %%xmm15,%%xmm13\naddps %%xmm13,%%xmm\\sum\n.endr\n", "",
          HT_VECTORS);
}
void add_avx2() {
  HT_LOOP(HT_ZEROS, HT_SUMS "vpmaddwd %%ymm14,%%ymm15,%%ymm13\nvpaddd %%ymm13,%%ymm\\sum,%%ymm\\sum\n.endr\n", "vzeroupper\n",
          HT_VECTORS);
}
void add_float_avx2() {
  HT_LOOP(HT_ZEROS, HT_SUMS "vfmadd231ps %%ymm14,%%ymm15,%%ymm\\sum\n.endr\n", "vzeroupper\n", HT_VECTORS);
}
void add_vnni() { HT_LOOP(HT_ZEROS, HT_SUMS "vpdpbusd %%zmm14,%%zmm15,%%zmm\\sum\n.endr\n", "vzeroupper\n", HT_VECTORS); }
void add_float_avx512() {
  HT_LOOP(HT_ZEROS, HT_SUMS "vfmadd231ps %%zmm14,%%zmm15,%%zmm\\sum\n.endr\n", "vzeroupper\n", HT_VECTORS);
}

// Six tiles of sums and two of factors, all as large as they can be.
constexpr double kTileSums = 6, kTileProducts = 16 * 16 * 64;
void add_tiles() {
  struct alignas(64) {
    uint8_t palette = 1, start_row = 0, reserved[14] = {};
    uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
    uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
  } const shapes;
  asm volatile("ldtilecfg %0\n.irp tile,0,1,2,3,4,5,6,7\ntilezero %%tmm\\tile\n.endr\n" : : "m"(shapes));
  HT_LOOP("", ".irp sum,0,1,2,3,4,5\ntdpbssd %%tmm6,%%tmm7,%%tmm\\sum\n.endr\n", "tilerelease\n", "memory");
}
#undef HT_SSE_ZEROS
#undef HT_ZEROS
#undef HT_VECTORS
#undef HT_LOOP
#undef HT_SUMS

constexpr double kOperations = 2 * kLoops;  // of a product a loop
#endif

}  // namespace

double int8_peak([[maybe_unused]] Isa isa) {
#if defined(__x86_64__)
  if (isa == Isa::kAmx) return best_rate(kOperations * kTileSums * kTileProducts, add_tiles);
  if (isa == Isa::kAvx512Vnni) return best_rate(kOperations * kSums * 64, add_vnni);
  if (isa == Isa::kAvx2) return best_rate(kOperations * kSums * 16, add_avx2);
  if (isa == Isa::kC) return best_rate(kOperations * kSums * 8, add_sse);
#endif
  return 0;
}

double float_peak([[maybe_unused]] Isa isa) {
#if defined(__x86_64__)
  if (isa == Isa::kAmx || isa == Isa::kAvx512Vnni) return best_rate(kOperations * kSums * 16, add_float_avx512);
  if (isa == Isa::kAvx2) return best_rate(kOperations * kSums * 8, add_float_avx2);
  if (isa == Isa::kC) return best_rate(kOperations * kSums * 4, add_float_sse);
#endif
  return 0;
}

double copy_peak(size_t bytes) {
  const size_t half = std::max<size_t>(bytes / 2, 1);
  std::vector<char> from(half, 1), to(half);
  return best_rate(2 * static_cast<double>(half), [&] {
    std::memcpy(to.data(), from.data(), half);
    asm volatile("" : : "r"(to.data()) : "memory");
  });
}

}  // namespace ht
