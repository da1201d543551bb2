// SPDX-License-Identifier: Apache-2.0
#include "kernels/x86/amx_permission.h"

#include <cpuid.h>

#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace ht {
namespace {

bool processor_has_tiles() {
  constexpr unsigned kTiles = 1u << 24, kBytes = 1u << 25;  // AMX-TILE and AMX-INT8 in leaf 7
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (d & kTiles) != 0 && (d & kBytes) != 0;
}

bool system_gives_tiles() {
#if defined(__linux__)
  constexpr long kRequestPermission = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
#else
  return false;
#endif
}

}  // namespace

bool amx_permitted() {
  static const bool permitted = processor_has_tiles() && system_gives_tiles();
  return permitted;
}

}  // namespace ht
