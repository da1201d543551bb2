// SPDX-License-Identifier: Apache-2.0
// Where a bundle's values lie: in the caller's inputs and outputs, among the constants, or in the arena.
#pragma once

#include <cstdint>
#include <vector>

#include "plan/plan.h"

namespace ht {

// Of the arena and of all that lies in it; no kernel's elements are larger.
inline constexpr int64_t kArenaAlignment = 8;

struct ValuePlace {
  enum class Kind { kInput, kOutput, kConstant, kArena };
  Kind kind = Kind::kArena;
  size_t port = 0;     // which input or output
  int64_t offset = 0;  // in the arena, in bytes
};

struct Memory {
  std::vector<size_t> order;       // in which the plan's steps run
  std::vector<ValuePlace> places;  // of each buffer that is no alias
  std::vector<int64_t> scratch;    // of each of the plan's steps, in the arena
  int64_t arena_bytes = 0;
  int64_t lower_bound = 0;         // no arena for this order could be smaller
  size_t fullest = 0;              // the position in the order at which most bytes are alive
};

// Every output has memory of its own (separate_outputs()). `scratch` is what each step's kernel needs.
Memory plan_memory(const Plan& plan, const std::vector<int64_t>& scratch);

}  // namespace ht
