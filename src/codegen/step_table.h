// SPDX-License-Identifier: Apache-2.0
// Steps of a microcontroller as bytes: a call and a parameter struct take some 200 bytes there, most of them zeros and numbers
// that other steps have too. A step that has integers of 32 bits and arrays alone becomes a row of numbers, which a function of
// its kernel reads when the step runs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ht {

struct Design;

struct StepTable {
  std::vector<std::string> rows;  // of each of the plan's steps; empty where it has a struct and a call
  std::string code;               // what reads them, run_steps() the last of it
  int64_t bytes = 0;              // of the rows and of what they refer to
};

// Empty where it would not make the program smaller, or the processor is no microcontroller.
StepTable step_table(const Design& design);

// The initializer of run_steps()' argument `places`; `input` stands for the inputs, or is empty where they are those of the
// caller.
std::string table_places(const Design& design, const std::string& input);

// Numbers of seven bits a byte, the lowest first; bit 7 says that there is more.
void append_number(int32_t number, std::vector<uint8_t>& bytes);

}  // namespace ht
