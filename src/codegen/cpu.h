// SPDX-License-Identifier: Apache-2.0
// The processors that bundles are made for.
#pragma once

#include <span>
#include <string_view>

#include "base/result.h"

namespace ht {

struct Cpu {
  std::string_view name;         // of --cpu
  std::string_view compiler;     // gcc's program for it, as Debian calls it
  std::string_view flags;        // that choose it
  int pointer_bytes;
  bool has_float, has_double;    // arithmetic in hardware
  bool has_dsp, has_mve;         // two 16-bit multiplications an instruction; vectors of 16 bytes
};

std::span<const Cpu> cpus();
// kUsage with the names where there is none of this name.
Result<const Cpu*> find_cpu(std::string_view name);

}  // namespace ht
