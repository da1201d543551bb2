// SPDX-License-Identifier: Apache-2.0
#include "boards/board.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

#include "base/process.h"

namespace ht {
namespace {

constexpr std::string_view kArmGcc = "arm-none-eabi-gcc", kArmQemu = "qemu-system-arm";
constexpr std::string_view kArmPackages = "gcc-arm-none-eabi libnewlib-arm-none-eabi qemu-system-arm";

constexpr Board kBoards[] = {
    {"host", "cc", "", "", "", "", 0, "gcc libc6-dev"},
    {"aarch64", "aarch64-linux-gnu-gcc", "-static", "qemu-aarch64", "", "", 0, "gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user"},
    {"cortex-m3", kArmGcc, "-mcpu=cortex-m3 -mthumb", kArmQemu, "mps2-an385", "0x40028000u", 25, kArmPackages},
    {"cortex-m4", kArmGcc, "-mcpu=cortex-m4 -mthumb -mfpu=fpv4-sp-d16 -mfloat-abi=hard", kArmQemu, "mps2-an386", "0x40028000u", 25, kArmPackages},
    {"cortex-m7", kArmGcc, "-mcpu=cortex-m7 -mthumb -mfpu=fpv5-d16 -mfloat-abi=hard", kArmQemu, "mps2-an500", "0x40028000u", 25, kArmPackages},
    {"cortex-m55", kArmGcc, "-mcpu=cortex-m55 -mthumb -mfloat-abi=hard", kArmQemu, "mps3-an547", "0x49302000u", 20, kArmPackages},
};

}  // namespace

std::span<const Board> boards() { return kBoards; }

Result<Board> find_board(std::string_view cpu) {
  const auto* found = std::ranges::find(kBoards, cpu, &Board::cpu);
  if (found != std::end(kBoards)) return *found;
  std::vector<std::string_view> names;
  for (const Board& board : kBoards) names.push_back(board.cpu);
  return usage_error("there is no processor '{}', only {}", cpu, fmt::join(names, ", "));
}

Status check_tools(const Board& board) {
  for (std::string_view program : {board.compiler, board.emulator})
    if (!program.empty() && find_program(program).empty())
      return input_error("to run a bundle on {}, {} is needed, which is not on PATH; install Debian's {}", board.cpu, program, board.packages);
  return {};
}

}  // namespace ht
