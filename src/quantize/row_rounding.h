// SPDX-License-Identifier: Apache-2.0
// Rounding weights so that the errors of their product's sum cancel on the inputs it sees.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "quantize/symmetric.h"

namespace ht {

enum class WeightRounding : uint8_t {
  kNearest,       // each by itself
  kGptq,          // one after the other, each error taken up by the weights that come after it
  kDescent,       // and the scale searched, and integers changed one by one as long as that helps
  kLeastSquares,  // and rounded from the weights that come nearest to the float network's outputs on the inputs there are
};

struct RefineRequest {
  std::optional<WeightRounding> rounding;  // nothing: all methods that the photos are enough for
  int threads = 1;
  bool correct_bias = true;  // biases take up what changing the weights adds to the outputs' means
};

// Weights of one output: they become integers times steps, all steps times one factor that may be chosen.
struct RowProblem {
  std::span<const double> exact;
  std::span<const double> steps;  // of each weight
  double least = -127, greatest = 127;
  bool may_scale = true;
};

struct RoundedRow {
  std::vector<int8_t> integers;
  double factor = 1;  // of the steps
};

// Rounds rows that read the same inputs, of which `moments` are the mean products of each two. What a row is rounded to lowers, where anything does,
// e (h + d) e^T, with e the errors of its weights and d the damping times the mean square, which stands for inputs not seen.
//
// kGptq: weights that read the strongest inputs come first, and the rest takes up each error as far as the inputs are correlated
// (Frantar et al., GPTQ, 2023). kDescent: the best of several scales for that, then coordinate descent and the best scale for the integers in turns.
class RowRounding {
 public:
  RowRounding(const Matrix& moments, WeightRounding method, double damping);

  // Whether there is anything to round by.
  bool is_usable() const { return is_usable_; }
  RoundedRow round(const RowProblem& problem) const;

 private:
  struct Row;
  double round_in_turn(Row& row) const;
  void descend(Row& row) const;
  double error(const Row& row) const;
  double best_factor(const Row& row) const;

  WeightRounding method_;
  std::vector<size_t> order_;
  Matrix h_, u_;  // in that order: moments with damping; the upper factor of the inverse
  bool is_usable_ = false;
};

}  // namespace ht
