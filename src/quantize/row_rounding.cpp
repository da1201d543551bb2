// SPDX-License-Identifier: Apache-2.0
#include "quantize/row_rounding.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

namespace ht {
namespace {

// Factors of the scale that are tried: so many steps of the ratio up and down.
constexpr int kScaleSteps = 7;
constexpr double kScaleRatio = 1.04;
constexpr int kSweeps = 5, kRounds = 2;

}  // namespace

// A row in the order in which its weights are rounded.
struct RowRounding::Row {
  std::vector<double> exact, base_steps;
  double least, greatest;
  double factor = 1;
  std::vector<double> integers;

  double step(size_t i) const { return base_steps[i] * factor; }
  double nearest(size_t i, double value) const { return std::clamp(std::nearbyint(value / step(i)), least, greatest); }
  double error(size_t i) const { return integers[i] * step(i) - exact[i]; }
};

RowRounding::RowRounding(const Matrix& moments, WeightRounding method, double damping)
    : method_(method), order_(moments.size()), h_(moments.size()), u_(0) {
  std::iota(order_.begin(), order_.end(), size_t{0});
  std::ranges::stable_sort(order_, std::greater(), [&](size_t i) { return moments.row(i)[i]; });
  double trace = 0;
  for (size_t i = 0; i < order_.size(); ++i) trace += moments.row(i)[i];
  for (size_t i = 0; i < order_.size(); ++i) {
    for (size_t j = 0; j < order_.size(); ++j) h_.row(i)[j] = moments.row(order_[i])[order_[j]];
    h_.row(i)[i] += damping * trace / static_cast<double>(order_.size());
  }
  if (!(trace > 0)) return;
  if (auto factor = inverse_factor(h_)) {
    u_ = *std::move(factor);
    is_usable_ = true;
  }
}

double RowRounding::error(const Row& row) const {
  std::vector<double> errors(order_.size());
  for (size_t i = 0; i < errors.size(); ++i) errors[i] = row.error(i);
  return dot(errors, product(h_, errors));
}

// Of what is not rounded yet, the weights k > j move by -e / u[j][j] * u[j][k] when weight j is off by e. Gives the row's error.
double RowRounding::round_in_turn(Row& row) const {
  const size_t n = order_.size();
  std::vector<double> moving = row.exact;
  double error = 0;
  for (size_t j = 0; j < n; ++j) {
    row.integers[j] = row.nearest(j, moving[j]);
    const double* factors = u_.row(j);
    const double share = (moving[j] - row.integers[j] * row.step(j)) / factors[j];
    for (size_t k = j + 1; k < n; ++k) moving[k] -= share * factors[k];
    error += share * share;
  }
  return error;
}

// Moves one integer after the other to where the error is least, the others staying.
void RowRounding::descend(Row& row) const {
  const size_t n = order_.size();
  std::vector<double> errors(n);
  for (size_t i = 0; i < n; ++i) errors[i] = row.error(i);
  std::vector<double> gradient = product(h_, errors);
  for (int sweep = 0; sweep < kSweeps; ++sweep) {
    bool changed = false;
    for (size_t i = 0; i < n; ++i) {
      const double* own = h_.row(i);
      const double wished = row.integers[i] - std::nearbyint(gradient[i] / (own[i] * row.step(i)));
      const double move = std::clamp(wished, row.least, row.greatest) - row.integers[i];
      if (move == 0) continue;
      changed = true;
      row.integers[i] += move;
      for (size_t j = 0; j < n; ++j) gradient[j] += move * row.step(i) * own[j];
    }
    if (!changed) break;
  }
}

// The factor with which these integers come nearest.
double RowRounding::best_factor(const Row& row) const {
  std::vector<double> made(order_.size());
  for (size_t i = 0; i < made.size(); ++i) made[i] = row.integers[i] * row.base_steps[i];
  const std::vector<double> weighted = product(h_, made);
  const double power = dot(weighted, made), share = dot(weighted, row.exact);
  return power > 0 && share > 0 ? share / power : row.factor;
}

RoundedRow RowRounding::round(const RowProblem& problem) const {
  const size_t n = order_.size();
  Row best{std::vector<double>(n), std::vector<double>(n), problem.least, problem.greatest, 1, std::vector<double>(n)};
  for (size_t i = 0; i < n; ++i) {
    best.exact[i] = problem.exact[order_[i]];
    best.base_steps[i] = problem.steps[order_[i]];
  }
  for (size_t i = 0; i < n; ++i) best.integers[i] = best.nearest(i, best.exact[i]);
  if (is_usable_ && method_ != WeightRounding::kNearest) {
    double least = error(best);
    const auto offer = [&](const Row& row, double found) {
      if (found < least) least = found, best = row;
    };
    const bool searches = method_ != WeightRounding::kGptq;
    const int steps = searches && problem.may_scale ? kScaleSteps : 0;
    Row row = best;
    for (int k = -steps; k <= steps; ++k) {
      row.factor = std::pow(kScaleRatio, k);
      const double found = round_in_turn(row);
      offer(row, found);
    }
    for (int round = 0; searches && round < kRounds; ++round) {
      row = best;
      descend(row);
      if (problem.may_scale) row.factor = best_factor(row);
      offer(row, error(row));
    }
  }
  RoundedRow result{std::vector<int8_t>(n), best.factor};
  for (size_t i = 0; i < n; ++i) result.integers[order_[i]] = static_cast<int8_t>(best.integers[i]);
  return result;
}

}  // namespace ht
