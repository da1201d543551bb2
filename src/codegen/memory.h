// SPDX-License-Identifier: Apache-2.0
// Where a bundle's values lie: in the caller's inputs and outputs, among the constants, or in the arena.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "plan/plan.h"

namespace ht {

// Of the arena and of all that lies in it; no kernel's elements are larger.
inline constexpr int64_t kArenaAlignment = 8;

struct ValuePlace {
  enum class Kind { kInput, kOutput, kConstant, kArena };
  Kind kind = Kind::kArena;
  size_t port = 0;     // which input or output
  int64_t offset = 0;  // in the arena, in bytes; of inputs and outputs where they may lie, if the arena has room for them
};

// Steps that run by bands of rows.
struct BandFigures {
  int64_t bands = 0;       // 0: every step runs as a whole
  size_t steps = 0;        // of the plan, from the first one on
  int64_t extra_macs = 0;  // computed again in other bands
};

struct Memory {
  std::vector<ValuePlace> places;  // of each buffer that is no alias
  std::vector<int64_t> scratch;    // of each of the plan's steps, in the arena
  int64_t arena_bytes = 0;
  bool with_ports = false;  // inputs and outputs have a place in the arena
  int64_t lower_bound = 0;  // no arena for these steps in this order could be smaller
  size_t fullest = 0;       // the step at which most bytes are alive
  BandFigures bands;
};

// Brings the plan's steps into the order in which they take least memory and lays out the arena, with room for inputs and outputs while they
// are needed where `with_ports`. Where it is larger than `wanted`, if that is given, the first steps run by bands. Every output has memory of
// its own (separate_outputs()); `scratch` says what steps need.
Result<Memory> plan_memory(Plan& plan, std::optional<int64_t> wanted, bool with_ports, const std::function<int64_t(const Step& step)>& scratch);

}  // namespace ht
