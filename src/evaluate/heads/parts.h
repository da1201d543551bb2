// SPDX-License-Identifier: Apache-2.0
// What a head's decoding is made of, before it is known how the outputs lie in memory.
#pragma once

#include <vector>

#include "evaluate/heads/levels.h"
#include "kernels/c/ht_head.h"

namespace ht {

struct HeadLevel {
  LevelView views;
  View object;  // objectness, or what ht_detect_level calls so
  View more;
  Anchor anchor;
};

struct HeadParts {
  // Functions and numbers; what depends on memory or is the same for all heads is filled in later.
  ht_detect_params params{};
  std::vector<HeadLevel> levels;
  std::vector<float> priors;
};

inline ht_detect_function sigmoid_if(bool raw) { return raw ? ht_head_sigmoid : nullptr; }
int32_t kernel_value(BoxOrder order);

// The levels with nothing besides boxes and classes.
std::vector<HeadLevel> plain(std::vector<LevelView> views);

// Probabilities from values of that form; for softmax over so many columns, the background's among them.
void set_class_scores(ht_detect_params& params, ScoreForm form, int64_t columns, Background background);

}  // namespace ht
