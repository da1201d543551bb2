// SPDX-License-Identifier: Apache-2.0
// Processors that a bundle can be built for and run on, here: by itself or under an emulator.
#pragma once

#include <span>
#include <string_view>

#include "base/result.h"
#include "codegen/cpu.h"

namespace ht {

struct Board {
  const Cpu* cpu = nullptr;
  std::string_view emulator;  // a program's name; empty where the processor is this machine's
  std::string_view machine;   // of QEMU's boards, and the name of its linker script; empty where a program runs under Linux
  std::string_view fpgaio;    // address of the registers with the clock
  int clock_mhz = 0;
  std::string_view packages;  // Debian's names of what is needed

  bool is_bare() const { return !machine.empty(); }
};

// kUsage, with the names of all, where there is no such processor.
Result<Board> find_board(std::string_view cpu);
// kInput, naming the packages to install, where a program that it needs is not on PATH.
Status check_tools(const Board& board);

}  // namespace ht
