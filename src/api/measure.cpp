// SPDX-License-Identifier: Apache-2.0
#include "api/measure.h"

#include <sys/resource.h>

#include <fstream>
#include <string>

namespace ht {
namespace {

constexpr int64_t kUnit = 1024;  // Linux counts kilobytes

// The high-water mark of this program's own memory. What getrusage() says may be that of the process which started it.
int64_t high_water_mark() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    int64_t kilobytes = 0;
    if (word == "VmHWM:" && status >> kilobytes) return kilobytes * kUnit;
  }
  return 0;
}

}  // namespace

int64_t peak_rss_bytes() {
  if (const int64_t peak = high_water_mark(); peak > 0) return peak;
  rusage usage{};
  return getrusage(RUSAGE_SELF, &usage) == 0 ? int64_t{usage.ru_maxrss} * kUnit : 0;
}

}  // namespace ht
