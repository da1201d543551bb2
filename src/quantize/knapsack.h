// SPDX-License-Identifier: Apache-2.0
// One choice for each item, of least value in sum, within budgets: the multiple-choice knapsack.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

namespace ht {

struct KnapsackChoice {
  double value = 0;           // finite; what is minimized in sum
  std::vector<double> costs;  // finite, one a budget
};

struct Knapsack {
  std::vector<std::vector<KnapsackChoice>> items;  // each has at least one choice
  std::vector<double> budgets;                     // that the sums of costs must not be above
};

struct KnapsackSolution {
  std::vector<size_t> choices;  // one an item
  double value = 0;
  std::vector<double> costs;
  double bound = 0;  // no solution has less value: `value` itself where this one was proven to be the best
};

// The best solution, or nothing where none is within the budgets. Partial solutions are extended item by item; one that another dominates,
// or whose Lagrangian bound is not below the best solution known, is dropped. Where more than `most_partial` of them are open (absent: as
// many as can be followed in seconds), those of the least bounds go on, and `bound` says how far from the best the result may be.
// The same problem always has the same solution.
std::optional<KnapsackSolution> solve_knapsack(const Knapsack& problem, std::optional<size_t> most_partial = {});

}  // namespace ht
