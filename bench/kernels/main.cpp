// SPDX-License-Identifier: Apache-2.0
// Times kernels on one thread; docs/PERFORMANCE.md says how to read what it prints.
#include <fmt/format.h>

#include "call.h"

namespace ht::bench {
namespace {

void print_peaks() {
  for (const Isa isa : {Isa::kC, Isa::kAvx2, Isa::kAvx512Vnni, Isa::kAmx}) {
    if (!isa_usable(isa, Isa::kBest) || int8_peak(isa) <= 0) continue;
    fmt::print(stderr, "{} at most: int8 {:.0f} GOPS, float {:.0f} GFLOPS\n", isa_name(isa), int8_peak(isa) / 1e9,
               float_peak(isa) / 1e9);
  }
}

}  // namespace
}  // namespace ht::bench

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  ht::bench::print_peaks();
  ht::bench::Arrays arrays;
  ht::bench::add_windows(arrays);
  ht::bench::add_elements(arrays);
  benchmark::RunSpecifiedBenchmarks();
}
