// SPDX-License-Identifier: Apache-2.0
#include "boards/board.h"

#include <algorithm>
#include <iterator>

#include "base/process.h"

namespace ht {
namespace {

constexpr std::string_view kQemu = "qemu-system-arm", kPackages = "gcc-arm-none-eabi libnewlib-arm-none-eabi qemu-system-arm";

struct Row {
  std::string_view cpu, emulator, machine, fpgaio;
  int clock_mhz;
  std::string_view packages;
};

constexpr Row kRows[] = {
    {"host", "", "", "", 0, "gcc libc6-dev"},
    {"aarch64", "qemu-aarch64", "", "", 0, "gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user"},
    {"cortex-m3", kQemu, "mps2-an385", "0x40028000u", 25, kPackages},
    {"cortex-m4", kQemu, "mps2-an386", "0x40028000u", 25, kPackages},
    {"cortex-m7", kQemu, "mps2-an500", "0x40028000u", 25, kPackages},
    {"cortex-m55", kQemu, "mps3-an547", "0x49302000u", 20, kPackages},
};

}  // namespace

Result<Board> find_board(std::string_view cpu) {
  HT_ASSIGN(const Cpu* found, find_cpu(cpu));
  const auto* row = std::ranges::find(kRows, found->name, &Row::cpu);
  if (row == std::end(kRows)) return unsupported("there is no board to run bundles for {} on", cpu);
  return Board{found, row->emulator, row->machine, row->fpgaio, row->clock_mhz, row->packages};
}

Status check_tools(const Board& board) {
  for (std::string_view program : {board.cpu->compiler, board.emulator})
    if (!program.empty() && find_program(program).empty())
      return input_error("to run a bundle for {}, {} is needed, which is not on PATH; install Debian's {}", board.cpu->name, program, board.packages);
  return {};
}

}  // namespace ht
