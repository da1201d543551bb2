// SPDX-License-Identifier: Apache-2.0
// Where a bundle's values lie: in the caller's inputs and outputs, among the constants, or in the arena.
#pragma once

#include <cstdint>
#include <vector>

#include "codegen/bundle_kernels.h"
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
  std::vector<ValuePlace> places;           // of each buffer that is no alias
  std::vector<int64_t> scratch;        // of each step, in the arena
  int64_t arena_bytes = 0;
  int64_t lower_bound = 0;             // the bytes in the arena that are alive at once, at the step where they are most
  size_t fullest_step = 0;             // that step
};

// `calls` are those of the plan's steps. Every output has memory of its own (separate_outputs()).
Memory plan_memory(const Plan& plan, const std::vector<BundleCall>& calls);

}  // namespace ht
