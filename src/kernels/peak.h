// SPDX-License-Identifier: Apache-2.0
// What one core of this machine can do at most, measured by loops that touch registers alone.
#pragma once

#include <cstddef>
#include <ctime>

#include "base/result.h"

namespace ht {

// What this program, of one thread, has used; other work on the machine does not count.
class ProcessorTime {
 public:
  double seconds() const { return static_cast<double>(std::clock() - start_) / CLOCKS_PER_SEC; }

 private:
  std::clock_t start_ = std::clock();
};

// Operations a second, two a multiplication with its addition, by the best exact instruction that an instruction set has; 0 where
// none is known. The int8 ones are tdpbssd, vpdpbusd, and pmaddwd with paddd.
double int8_peak(Isa isa);

// The same in float: fused multiplications with additions; of SSE, which has none, a multiplication and an addition.
double float_peak(Isa isa);

// Bytes a second, read and written, of copying half of `bytes` to the other half.
double copy_peak(size_t bytes);

}  // namespace ht
