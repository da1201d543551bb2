// SPDX-License-Identifier: Apache-2.0
#include "api/measure.h"

#include <sys/resource.h>

namespace ht {

int64_t peak_rss_bytes() {
  constexpr int64_t kUnit = 1024;  // Linux counts kilobytes
  rusage usage{};
  return getrusage(RUSAGE_SELF, &usage) == 0 ? int64_t{usage.ru_maxrss} * kUnit : 0;
}

}  // namespace ht
