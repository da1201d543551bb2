// SPDX-License-Identifier: Apache-2.0
#include "codegen/cpu.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <vector>

namespace ht {
namespace {

constexpr std::array kCpus = {
    Cpu{"host", "cc", "", static_cast<int>(sizeof(void*)), true, true, {}},
    Cpu{"aarch64", "aarch64-linux-gnu-gcc", "", 8, true, true, {}},
    Cpu{"cortex-m3", "arm-none-eabi-gcc", "-mcpu=cortex-m3 -mthumb", 4, false, false, CortexM::kM3},
    Cpu{"cortex-m4", "arm-none-eabi-gcc", "-mcpu=cortex-m4 -mthumb -mfpu=fpv4-sp-d16 -mfloat-abi=hard", 4, true, false, CortexM::kM4},
    Cpu{"cortex-m7", "arm-none-eabi-gcc", "-mcpu=cortex-m7 -mthumb -mfpu=fpv5-d16 -mfloat-abi=hard", 4, true, true, CortexM::kM7},
    Cpu{"cortex-m55", "arm-none-eabi-gcc", "-mcpu=cortex-m55 -mthumb -mfloat-abi=hard", 4, true, true, CortexM::kM55},
};

}  // namespace

std::span<const Cpu> cpus() { return kCpus; }

Result<const Cpu*> find_cpu(std::string_view name) {
  const auto found = std::ranges::find(kCpus, name, &Cpu::name);
  if (found != kCpus.end()) return &*found;
  std::vector<std::string_view> names;
  for (const Cpu& cpu : kCpus) names.push_back(cpu.name);
  return usage_error("no bundle can be made for the processor '{}'; there are {}", name, fmt::join(names, ", "));
}

}  // namespace ht
