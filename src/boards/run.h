// SPDX-License-Identifier: Apache-2.0
// Builds a bundle's test for a processor, runs it, and measures what the network needs there.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/process.h"
#include "boards/board.h"

namespace ht {

// How the compiler is called beside what it is told of the processor: as the bundle's Makefile does.
inline constexpr std::array<std::string_view, 6> kBundleFlags = {"-std=c99",           "-O2",           "-ffp-contract=off", "-fno-math-errno",
                                                                 "-ffunction-sections", "-fdata-sections"};
inline constexpr std::array<std::string_view, 2> kSizeFlags = {
    "-Os", "-fno-tree-loop-distribute-patterns"};  // a loop that copies is smaller than memmove()

// A folder that the code generator wrote: NAME.c and NAME_weights.c in it, kernels in folders of kernels/, the test in test/.
struct Bundle {
  std::filesystem::path folder;
  std::string name;
  std::vector<std::string> for_size = {};  // sources, relative to the folder, that are compiled with kSizeFlags
};

// Bytes of the network and of what it needs of the compiler's libraries, without the program that uses it.
struct Footprint {
  int64_t code = 0;        // machine code of the network and its kernels
  int64_t arrays = 0;      // constants of NAME_weights.c: weights, biases, tables
  int64_t parameters = 0;  // constants of NAME.c: what the steps tell their kernels
  int64_t constants = 0;   // of the kernels
  int64_t library = 0;     // code and constants of the compiler's libraries
  int64_t padding = 0;     // gaps that alignment leaves
  int64_t data = 0;        // initialized variables, which lie in flash and in RAM
  int64_t bss = 0;         // other variables

  int64_t text() const { return code + arrays + parameters + constants + library + padding; }  // as arm-none-eabi-size calls what is only read
  int64_t flash() const { return text() + data; }
};

struct BoardRun {
  bool identical = false;  // every output of every vector is what the host's session computed
  std::string output;      // what the test printed, without figures
  Footprint footprint;     // of bare processors
  // Of the run with the most instructions, on bare processors; step i is the one that HT_STEP(i) begins.
  std::vector<int64_t> step_instructions;
  int64_t instructions = 0;  // the steps' and what lies between them
  int64_t stack_bytes = 0;   // the most that any run needed below its caller's frame
};

// The command that runs a program built for the board.
Command board_command(const Board& board, const std::filesystem::path& program);

// kInput where a tool is missing, or where the bundle does not compile or does not fit the board's memory; a test that fails or crashes is
// a run that is not identical.
Result<BoardRun> run_on_board(const Bundle& bundle, const Board& board, const Context& context = {});

}  // namespace ht
