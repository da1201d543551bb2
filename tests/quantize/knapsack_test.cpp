// SPDX-License-Identifier: Apache-2.0
// Against trying everything.
#include "quantize/knapsack.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <random>

namespace ht {
namespace {

// Whole numbers, whose sums are exact.
Knapsack random_problem(std::mt19937& random, size_t items, size_t most_choices, size_t budgets) {
  const auto below = [&](size_t limit) { return static_cast<size_t>(random() % limit); };
  Knapsack problem;
  std::vector<double> least(budgets, 0), most(budgets, 0);
  for (size_t i = 0; i < items; ++i) {
    auto& choices = problem.items.emplace_back(1 + below(most_choices));
    for (KnapsackChoice& choice : choices) {
      choice.value = static_cast<double>(below(100));
      for (size_t d = 0; d < budgets; ++d) choice.costs.push_back(static_cast<double>(below(40)));
    }
    for (size_t d = 0; d < budgets; ++d) {
      const auto cost = [&](const KnapsackChoice& choice) { return choice.costs[d]; };
      least[d] += cost(*std::ranges::min_element(choices, {}, cost));
      most[d] += cost(*std::ranges::max_element(choices, {}, cost));
    }
  }
  // From just too little to all that could be spent.
  for (size_t d = 0; d < budgets; ++d) problem.budgets.push_back(least[d] - 2 + static_cast<double>(below(static_cast<size_t>(most[d] - least[d]) + 4)));
  return problem;
}

std::optional<double> best_of_all(const Knapsack& problem, size_t item, double value, const std::vector<double>& left) {
  for (double budget : left)
    if (item == problem.items.size() && budget < 0) return std::nullopt;
  if (item == problem.items.size()) return value;
  std::optional<double> best;
  for (const KnapsackChoice& choice : problem.items[item]) {
    std::vector<double> rest = left;
    for (size_t d = 0; d < rest.size(); ++d) rest[d] -= choice.costs[d];
    const auto found = best_of_all(problem, item + 1, value + choice.value, rest);
    if (found && (!best || *found < *best)) best = found;
  }
  return best;
}

TEST(Knapsack, FindsTheBestOfAllSolutions) {
  constexpr int kProblems = 3000;
  int solved = 0, unsolved = 0;
  for (unsigned seed = 0; seed < kProblems; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    const size_t budgets = seed % 4;
    const Knapsack problem = random_problem(random, 1 + random() % 6, 5, budgets);
    const auto expected = best_of_all(problem, 0, 0, problem.budgets);
    const auto found = solve_knapsack(problem);
    ASSERT_EQ(found.has_value(), expected.has_value());
    ++(found ? solved : unsolved);
    if (!found) continue;
    EXPECT_EQ(found->value, *expected);
    EXPECT_NEAR(found->bound, *expected, 1e-9);
    double value = 0;
    std::vector<double> costs(budgets, 0);
    ASSERT_EQ(found->choices.size(), problem.items.size());
    for (size_t i = 0; i < problem.items.size(); ++i) {
      const KnapsackChoice& choice = problem.items[i].at(found->choices[i]);
      value += choice.value;
      for (size_t d = 0; d < budgets; ++d) costs[d] += choice.costs[d];
    }
    EXPECT_EQ(value, found->value);
    EXPECT_EQ(costs, found->costs);
    for (size_t d = 0; d < budgets; ++d) EXPECT_LE(costs[d], problem.budgets[d]);
  }
  EXPECT_GT(solved, kProblems / 4);
  EXPECT_GT(unsolved, kProblems / 20);
}

// As many layers and choices as networks have, with real numbers: by all partial sums of one cost, which is exact where costs are whole.
TEST(Knapsack, FindsTheBestOfManyItems) {
  for (unsigned seed = 0; seed < 10; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    std::lognormal_distribution<double> error(0, 3);
    Knapsack problem;
    size_t most = 0;
    for (size_t i = 0; i < 100; ++i) {
      const size_t weights = 1 + random() % 60;
      const double harm = error(random);
      problem.items.push_back({{harm, {static_cast<double>(4 * weights)}}, {harm / 100, {static_cast<double>(8 * weights)}}, {0, {static_cast<double>(32 * weights)}}});
      most += 32 * weights;
    }
    const size_t budget = most * (16 + seed * 4) / 100;
    problem.budgets = {static_cast<double>(budget)};
    std::vector<double> table(budget + 1, 0.0);
    for (const auto& item : problem.items) {
      std::vector<double> next(budget + 1, std::numeric_limits<double>::infinity());
      for (const KnapsackChoice& choice : item)
        for (auto cost = static_cast<size_t>(choice.costs[0]), total = cost; total <= budget; ++total)
          next[total] = std::min(next[total], table[total - cost] + choice.value);
      table = next;
    }
    const auto found = solve_knapsack(problem);
    ASSERT_TRUE(found);
    EXPECT_NEAR(found->value, table[budget], 1e-9 * table[budget]);
    EXPECT_NEAR(found->bound, found->value, 1e-9 * found->value);
  }
}

TEST(Knapsack, SaysHowFarItMayBeFromTheBest) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    const Knapsack problem = random_problem(random, 8, 4, 2);
    const auto exact = solve_knapsack(problem);
    const auto hasty = solve_knapsack(problem, 2);
    if (!hasty) continue;
    ASSERT_TRUE(exact);
    EXPECT_GE(hasty->value, exact->value);
    EXPECT_LE(hasty->bound, exact->value + 1e-9);
  }
}

}  // namespace
}  // namespace ht
