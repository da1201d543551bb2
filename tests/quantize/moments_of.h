// SPDX-License-Identifier: Apache-2.0
// Inputs of a product and what is summed of them, by definition.
#pragma once

#include <cmath>
#include <random>
#include <vector>

#include "quantize/moments.h"

namespace ht {

using Rows = std::vector<std::vector<double>>;

// Integer inputs that are correlated from tap to tap, about a mean.
inline Rows correlated_inputs(std::mt19937& random, size_t count, size_t size, double correlation, double mean = 0) {
  std::normal_distribution<double> normal(0, 30);
  Rows rows;
  for (size_t n = 0; n < count; ++n) {
    std::vector<double> row;
    double last = normal(random);
    for (size_t i = 0; i < size; ++i) {
      last = correlation * last + std::sqrt(1 - correlation * correlation) * normal(random);
      row.push_back(std::nearbyint(last + mean));
    }
    rows.push_back(row);
  }
  return rows;
}

// The mean product of each two inputs.
inline Matrix mean_products(const Rows& rows) {
  Matrix matrix(rows[0].size());
  for (size_t i = 0; i < matrix.size(); ++i)
    for (size_t j = 0; j < matrix.size(); ++j)
      for (const auto& row : rows) matrix.row(i)[j] += row[i] * row[j] / static_cast<double>(rows.size());
  return matrix;
}

inline std::vector<double> normal_numbers(std::mt19937& random, size_t count) {
  std::normal_distribution<double> normal;
  std::vector<double> numbers(count);
  for (double& x : numbers) x = normal(random);
  return numbers;
}

}  // namespace ht
