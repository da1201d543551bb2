// SPDX-License-Identifier: Apache-2.0
// Other programs, run without a shell.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace ht {

// Where a program of this name lies among the folders of PATH; empty where it does not.
std::filesystem::path find_program(std::string_view name);

struct Command {
  std::vector<std::string> arguments;  // the program first: a path, or a name that PATH leads to
  std::filesystem::path folder = {};   // where it runs; empty: here
  double seconds = 600;                // until it is stopped
  int64_t max_output = 16 << 20;       // bytes of its output until it is stopped
};

struct Finished {
  int status = 0;      // what it exited with; 128 + the signal that ended it
  std::string output;  // standard output and standard error as they came
};

// Runs the program until it ends; its standard input is empty. kInterrupted where the context is cancelled, kInput where it cannot be
// started, takes too long or writes too much; it and all that it started are then stopped.
Result<Finished> run_command(const Command& command, const Context& context = {});

}  // namespace ht
