// SPDX-License-Identifier: Apache-2.0
#include "quantize/least_squares.h"

#include <array>
#include <cmath>

namespace ht {
namespace {

constexpr std::array kDampings = {1.0, 0.3, 0.1, 0.03, 0.01, 0.003};
constexpr double kMostLeft = 0.99;  // of the error on other photos, at most
constexpr double kLeastDiagonal = 1e-3;  // of the mean square: what an input that hardly moves counts as

// Moves the rows of one group. False where the moments do not allow it.
bool fit_group(const GroupMoments& moments, double damping, size_t outputs, std::span<double> rows) {
  const size_t size = moments.inputs().size();
  Matrix damped = moments.inputs();
  for (size_t i = 0; i < size; ++i) damped.row(i)[i] += damping * (damped.row(i)[i] + kLeastDiagonal * moments.mean_square());
  const std::optional<Matrix> lower = cholesky(std::move(damped));
  if (!lower) return false;
  for (size_t o = 0; o < outputs; ++o) {
    const std::span<double> row = rows.subspan(o * size, size);
    std::vector<double> missing = product(moments.inputs(), row);
    for (size_t i = 0; i < size; ++i) missing[i] = moments.cross(o)[i] - missing[i];
    solve(*lower, missing);
    for (size_t i = 0; i < size; ++i) row[i] += missing[i];
  }
  return true;
}

}  // namespace

void fit_to_outputs(const ObservedMoments& moments, std::span<const double> output_units, bool about_means, std::vector<double>& rows) {
  const size_t groups = moments.fit.groups, per_group = moments.fit.outputs / groups, width = per_group * moments.fit.size;
  if (moments.fit.samples == 0 || moments.check.samples == 0) return;
  double plain = 0;
  std::array<double, kDampings.size()> errors{};
  for (size_t g = 0; g < groups; ++g) {
    const GroupMoments fit(moments.fit, g, output_units, about_means), check(moments.check, g, output_units, about_means);
    const std::span<const double> own = std::span(rows).subspan(g * width, width);
    plain += check.relative_error(own);
    for (size_t k = 0; k < kDampings.size(); ++k) {
      std::vector<double> fitted(own.begin(), own.end());
      errors[k] += fit_group(fit, kDampings[k], per_group, fitted) ? check.relative_error(fitted) : INFINITY;
    }
  }
  const auto best = static_cast<size_t>(std::ranges::min_element(errors) - errors.begin());
  if (!(errors[best] < kMostLeft * plain)) return;
  ProductMoments all = moments.fit;
  all.add(moments.check);
  for (size_t g = 0; g < groups; ++g) {
    const std::span<double> own = std::span(rows).subspan(g * width, width);
    std::vector<double> fitted(own.begin(), own.end());
    if (fit_group(GroupMoments(all, g, output_units, about_means), kDampings[best], per_group, fitted)) std::ranges::copy(fitted, own.begin());
  }
}

}  // namespace ht
