// SPDX-License-Identifier: Apache-2.0
// Which values of an arena live when, for any order of the steps.
#pragma once

#include <vector>

#include "plan/arena.h"

namespace ht {

struct LiveStep {
  static constexpr size_t kNone = SIZE_MAX;

  std::vector<size_t> values;  // that lie in the arena and that the step touches, each once
  size_t output = kNone;       // the one that it writes, if that lies in the arena
  int64_t scratch = 0;
  // Values that the output may lie over where they die in this step and the output begins to live.
  struct Overlay {
    size_t value;
    int64_t clearance;  // overlap.h
  };
  std::vector<Overlay> overlays;
  std::vector<size_t> after;  // steps that must have run, each once
};

struct LiveSpan {
  size_t first = SIZE_MAX, last = 0;  // positions in the order
};

// Values are numbered as the plan's buffers are. Sizes and clearances are multiples of the alignment.
struct Lives {
  std::vector<int64_t> bytes;
  std::vector<bool> from_beginning, to_end;  // the graph's inputs and outputs that lie in the arena
  std::vector<LiveStep> steps;

  static Lives of(const Plan& plan, const ArenaOptions& options);

  std::vector<LiveSpan> spans(const std::vector<size_t>& order) const;
  // The bytes of the fullest step from this position on, less what may overlap there.
  int64_t fullest(const std::vector<size_t>& order, const std::vector<LiveSpan>& spans, size_t from = 0) const;
  // An order of which the fullest step behind the first so many, which stay where they are, has fewer bytes than in the steps' own order,
  // where a search finds one; else their own.
  std::vector<size_t> best_order(size_t fixed = 0) const;
};

}  // namespace ht
