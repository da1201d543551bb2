// SPDX-License-Identifier: Apache-2.0
// Whether and how the first steps of a plan run by bands, so that its arena is small.
#pragma once

#include <span>
#include <vector>

#include "plan/arena.h"
#include "plan/bands.h"

namespace ht {

struct PatchOptions {
  ArenaOptions arena;
  // The arena that is wanted. Of the ways that fit, the one that computes and copies least is taken; where none fits, and with 0, the
  // smallest arena.
  int64_t max_ram_bytes = 0;
  int64_t max_extra_macs = INT64_MAX;
  int64_t bands = 0;  // exactly so many, if not 0
};

struct PatchedPlan {
  Plan plan;       // its steps in the order in which they shall run
  ArenaPlan arena;
  std::vector<Band> bands;  // empty: the plan runs as a whole
  size_t steps = 0;         // of the original plan that run by bands
  int64_t extra_macs = 0, kept_bytes = 0;
  ArenaPlan whole;  // the arena of the original plan
};

// Chooses how many steps run by bands, how high the bands are, and which rows are computed again rather than kept. An error where the
// options ask for bands that the plan cannot have, but not where the arena is larger than wanted.
Result<PatchedPlan> patch_plan(const Plan& plan, const PatchOptions& options);

}  // namespace ht
