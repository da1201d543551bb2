// SPDX-License-Identifier: Apache-2.0
// The first steps of a plan by bands of rows, so that their values need not be in memory as a whole.
#pragma once

#include <optional>
#include <vector>

#include "plan/rows.h"

namespace ht {

// Which steps run by bands, and how.
struct BandChoice {
  size_t steps = 0;          // the first so many of the plan
  int64_t rows = 1;          // a band's rows of the values that these steps leave behind
  std::vector<bool> repeat;  // by root: rows that the next band needs again are computed again rather than kept; empty: none are
  // The graph's inputs come by bands too: in place of each one that these steps alone read, and that has one plane, there is a value with room
  // for the rows of one band and so many bytes more, in which whoever brings the rows may work.
  std::optional<int64_t> input_window = {};
};

struct Band {
  size_t first_step = 0, last_step = 0;  // of the new plan; the step behind the last one
  // By the plan's inputs: rows that this band reads. Those before the last row of earlier bands have been read before. Where an input comes by
  // bands, they lie at the beginning of its memory.
  std::vector<RowRange> input_rows;
};

struct BandedPlan {
  Plan plan;
  std::vector<Band> bands;
  int64_t extra_macs = 0;   // that are computed again
  int64_t kept_bytes = 0;   // copied from band to band, there and back
};

// How many of the plan's first steps can run by bands.
size_t steps_by_rows(const Plan& plan);

// The same network, whose inputs are others where they come by bands. What the chosen steps leave behind for others, and the graph's inputs and outputs,
// stay whole. Of other values, some rows are in memory at a time: after each band, those that the next one needs are kept in a buffer of their own and
// copied into the next band's. Parameters of steps are the same in all bands but those at the image's ends. Nothing where a step has no rows.
std::optional<BandedPlan> cut_into_bands(const Plan& plan, const BandChoice& choice);

}  // namespace ht
