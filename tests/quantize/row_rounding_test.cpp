// SPDX-License-Identifier: Apache-2.0
#include "quantize/row_rounding.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "moments_of.h"

namespace ht {
namespace {

constexpr double kDamping = 0.01;

// e (h + d) e^T with d the damping times the mean square.
double damped_error(const Matrix& moments, const std::vector<double>& errors) {
  double trace = 0, sum = 0;
  for (size_t i = 0; i < errors.size(); ++i) trace += moments.row(i)[i];
  for (size_t i = 0; i < errors.size(); ++i) {
    sum += kDamping * trace / static_cast<double>(errors.size()) * errors[i] * errors[i];
    for (size_t j = 0; j < errors.size(); ++j) sum += errors[i] * moments.row(i)[j] * errors[j];
  }
  return sum;
}

std::vector<double> errors_of(const RowProblem& problem, const std::vector<int8_t>& integers, double factor) {
  std::vector<double> errors;
  for (size_t i = 0; i < integers.size(); ++i) errors.push_back(integers[i] * problem.steps[i] * factor - problem.exact[i]);
  return errors;
}

double error_of(const Matrix& moments, const RowProblem& problem, const RoundedRow& row) {
  return damped_error(moments, errors_of(problem, row.integers, row.factor));
}

// The least error of all roundings with the steps as they are.
double least_error(const Matrix& moments, const RowProblem& problem) {
  const size_t size = problem.exact.size();
  std::vector<int8_t> integers(size);
  double least = INFINITY;
  const std::function<void(size_t)> visit = [&](size_t i) {
    if (i == size) {
      least = std::min(least, damped_error(moments, errors_of(problem, integers, 1)));
      return;
    }
    for (int q = static_cast<int>(problem.least); q <= static_cast<int>(problem.greatest); ++q) {
      integers[i] = static_cast<int8_t>(q);
      visit(i + 1);
    }
  };
  visit(0);
  return least;
}

struct Case {
  Matrix moments;
  std::vector<double> exact, steps;
  RowProblem problem(double limit, bool may_scale) const { return {exact, steps, -limit, limit, may_scale}; }
};

Case make_case(uint32_t seed, size_t size, double correlation, double limit) {
  std::mt19937 random(seed);
  Case made{mean_products(correlated_inputs(random, 300, size, correlation)), normal_numbers(random, size), {}};
  double greatest = 0;
  for (double w : made.exact) greatest = std::max(greatest, std::abs(w));
  made.steps.assign(size, greatest / limit);
  return made;
}

TEST(RowRounding, IsBetweenTheBestOfAllRoundingsAndTheNearest) {
  double nearest_sum = 0, gptq_sum = 0, descent_sum = 0, best_sum = 0;
  int reached = 0;
  for (uint32_t seed = 0; seed < 40; ++seed) {
    const Case made = make_case(seed, 5, 0.8, 3);
    const RowProblem problem = made.problem(3, false);
    const double best = least_error(made.moments, problem);
    const auto found = [&](WeightRounding method) { return error_of(made.moments, problem, RowRounding(made.moments, method, kDamping).round(problem)); };
    const double nearest = found(WeightRounding::kNearest), gptq = found(WeightRounding::kGptq), descent = found(WeightRounding::kDescent);
    const double tolerance = 1e-9 * nearest;
    EXPECT_LE(gptq, nearest + tolerance) << seed;
    EXPECT_LE(descent, gptq + tolerance) << seed;
    EXPECT_GE(descent, best - tolerance) << seed;
    nearest_sum += nearest, gptq_sum += gptq, descent_sum += descent, best_sum += best;
    reached += descent <= best + tolerance ? 1 : 0;
  }
  EXPECT_LT(gptq_sum, 0.7 * nearest_sum);
  EXPECT_LT(descent_sum, 1.2 * best_sum);
  EXPECT_GE(reached, 24);
}

TEST(RowRounding, NoSingleIntegerCanStillBeChangedForTheBetter) {
  for (uint32_t seed = 0; seed < 10; ++seed) {
    const Case made = make_case(seed, 16, 0.9, 7);
    const RowProblem problem = made.problem(7, false);
    const RoundedRow row = RowRounding(made.moments, WeightRounding::kDescent, kDamping).round(problem);
    const double reached = error_of(made.moments, problem, row);
    for (size_t i = 0; i < row.integers.size(); ++i) {
      for (int move : {-1, 1}) {
        RoundedRow other = row;
        other.integers[i] = static_cast<int8_t>(other.integers[i] + move);
        if (std::abs(other.integers[i]) > 7) continue;
        EXPECT_GE(error_of(made.moments, problem, other), reached * (1 - 1e-9)) << seed << " " << i;
      }
    }
  }
}

TEST(RowRounding, ASearchedScaleIsNeverWorseAndPaysWithFewLevels) {
  double fixed_sum = 0, searched_sum = 0;
  for (uint32_t seed = 0; seed < 20; ++seed) {
    const Case made = make_case(seed, 32, 0.5, 7);
    const RowRounding rounding(made.moments, WeightRounding::kDescent, kDamping);
    const double fixed = error_of(made.moments, made.problem(7, false), rounding.round(made.problem(7, false)));
    const double searched = error_of(made.moments, made.problem(7, true), rounding.round(made.problem(7, true)));
    fixed_sum += fixed, searched_sum += searched;
  }
  EXPECT_LT(searched_sum, 0.9 * fixed_sum);
}

TEST(RowRounding, IndependentInputsAreRoundedToTheNearest) {
  std::mt19937 random(2);
  Matrix moments(9);
  for (size_t i = 0; i < 9; ++i) moments.row(i)[i] = 1000.0 * static_cast<double>(i + 1);
  const std::vector<double> exact = normal_numbers(random, 9), steps(9, 0.1);
  const RoundedRow row = RowRounding(moments, WeightRounding::kDescent, kDamping).round({exact, steps, -127, 127, false});
  for (size_t i = 0; i < 9; ++i) EXPECT_EQ(row.integers[i], std::lround(exact[i] / 0.1));
}

TEST(RowRounding, WeightsOnTheGridStayThere) {
  std::mt19937 random(3);
  const Matrix moments = mean_products(correlated_inputs(random, 100, 12, 0.9));
  std::vector<double> exact;
  std::vector<double> steps;
  for (size_t i = 0; i < 12; ++i) {
    steps.push_back(i < 6 ? 0.25 : 0.5);  // a step a weight
    exact.push_back((static_cast<double>(i) - 5) * steps.back());
  }
  const RoundedRow row = RowRounding(moments, WeightRounding::kDescent, kDamping).round({exact, steps, -7, 7, true});
  EXPECT_EQ(row.factor, 1);
  for (size_t i = 0; i < 12; ++i) EXPECT_EQ(row.integers[i], static_cast<int>(i) - 5);
}

TEST(RowRounding, NothingSeenRoundsToTheNearest) {
  std::mt19937 random(4);
  const std::vector<double> exact = normal_numbers(random, 9), steps(9, 0.1);
  const RowRounding rounding(Matrix(9), WeightRounding::kDescent, kDamping);
  EXPECT_FALSE(rounding.is_usable());
  const RoundedRow row = rounding.round({exact, steps, -7, 7, true});
  for (size_t i = 0; i < 9; ++i) EXPECT_EQ(row.integers[i], std::clamp(std::lround(exact[i] / 0.1), -7L, 7L));
}

TEST(Symmetric, FactorsAndSolutionsSatisfyTheirEquations) {
  std::mt19937 random(5);
  const size_t n = 13;
  const Matrix a = mean_products(correlated_inputs(random, 200, n, 0.7));
  const auto lower = cholesky(a);
  const auto upper = inverse_factor(a);
  ASSERT_TRUE(lower && upper);
  const std::vector<double> b = normal_numbers(random, n);
  std::vector<double> x = b;
  solve(*lower, x);
  const std::vector<double> back = product(a, x);
  for (size_t i = 0; i < n; ++i) {
    EXPECT_NEAR(back[i], b[i], 1e-9);
    for (size_t j = 0; j < n; ++j) {
      double square = 0, identity = 0;
      for (size_t k = 0; k < n; ++k) {
        square += lower->row(i)[k] * lower->row(j)[k];
        double inverse = 0;
        for (size_t l = 0; l < n; ++l) inverse += upper->row(l)[i] * upper->row(l)[k];
        identity += inverse * a.row(k)[j];
      }
      EXPECT_NEAR(square, a.row(i)[j], 1e-9 * a.row(0)[0]);
      EXPECT_NEAR(identity, i == j ? 1 : 0, 1e-9);
      if (j >= i) continue;
      EXPECT_EQ(lower->row(j)[i], 0);
      EXPECT_EQ(upper->row(i)[j], 0);
    }
  }
  Matrix indefinite(2);
  indefinite.row(0)[1] = indefinite.row(1)[0] = 1;
  EXPECT_FALSE(cholesky(indefinite));
  EXPECT_FALSE(inverse_factor(indefinite));
}

}  // namespace
}  // namespace ht
