// SPDX-License-Identifier: Apache-2.0
// The processors that bundles are made for.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "base/result.h"
#include "kernels/cortex_m/registry.h"

namespace ht {

struct Cpu {
  std::string_view name;         // of --cpu
  std::string_view compiler;     // gcc's program for it, as Debian calls it
  std::string_view flags;        // that choose it
  int pointer_bytes;
  bool has_float, has_double;    // arithmetic in hardware
  std::optional<CortexM> cortex_m;
};

std::span<const Cpu> cpus();
// kUsage with the names where there is none of this name.
Result<const Cpu*> find_cpu(std::string_view name);

}  // namespace ht
