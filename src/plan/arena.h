// SPDX-License-Identifier: Apache-2.0
// One piece of memory for all values of a plan: in which order steps run and where each value lies.
#pragma once

#include <functional>
#include <vector>

#include "plan/plan.h"

namespace ht {

struct ArenaOptions {
  int64_t alignment = 16;  // of every value, in bytes
  bool reorder = false;    // whether steps may run in another order than the plan's
  // Whether a step may write its output over an input that nothing reads later (overlap.h): for one thread that computes each step by
  // one call.
  bool overlap = false;
  // Whether the graph's inputs and outputs lie in the arena; otherwise they are the caller's.
  bool own_inputs = true, own_outputs = true;
  // Bytes that a step needs in the arena while it runs, beside its values.
  std::function<int64_t(const Step& step)> scratch_bytes;
  // How long better positions are looked for: comparisons of two values' positions. The result depends on nothing else.
  int64_t effort = 20'000'000;
};

struct ArenaPlan {
  static constexpr int64_t kElsewhere = -1;

  std::vector<size_t> order;     // of the plan's steps
  std::vector<int64_t> offsets;  // of each buffer in bytes; kElsewhere for aliases, constants, the caller's and others that no step touches
  std::vector<int64_t> scratch;  // of each of the plan's steps, where it has any
  int64_t bytes = 0;
  // No arrangement for this order has fewer bytes: what lives at the fullest step, less what may overlap there.
  int64_t lower_bound = 0;
};

// Values that live at one time lie apart, save where `overlap` allows it. A value lives from the first step that writes it to the last
// that touches it, a graph's input from the beginning, an output to the end.
ArenaPlan plan_arena(const Plan& plan, const ArenaOptions& options);

// The lower bound alone, which is much faster, for the plan's own order.
int64_t arena_lower_bound(const Plan& plan, const ArenaOptions& options);

}  // namespace ht
