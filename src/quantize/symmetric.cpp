// SPDX-License-Identifier: Apache-2.0
#include "quantize/symmetric.h"

#include <algorithm>
#include <cmath>

namespace ht {

std::optional<Matrix> cholesky(Matrix a) {
  for (size_t i = 0; i < a.size(); ++i) {
    double* row = a.row(i);
    for (size_t j = 0; j <= i; ++j) {
      const double sum = row[j] - dot({row, j}, {a.row(j), j});
      if (j < i) {
        row[j] = sum / a.row(j)[j];
      } else if (sum > 0) {
        row[i] = std::sqrt(sum);
      } else {
        return std::nullopt;
      }
    }
    std::fill(row + i + 1, row + a.size(), 0.0);
  }
  return a;
}

void solve(const Matrix& lower, std::span<double> b) {
  for (size_t i = 0; i < b.size(); ++i) b[i] = (b[i] - dot(b.first(i), {lower.row(i), i})) / lower.row(i)[i];
  for (size_t i = b.size(); i-- > 0;) {
    const double* row = lower.row(i);
    b[i] /= row[i];
    for (size_t j = 0; j < i; ++j) b[j] -= b[i] * row[j];
  }
}

// With a = m m^T for the upper m, a Cholesky factor in reversed order, u = m^-1.
std::optional<Matrix> inverse_factor(const Matrix& a) {
  const size_t n = a.size();
  Matrix reversed(n);
  for (size_t i = 0; i < n; ++i)
    for (size_t j = 0; j <= i; ++j) reversed.row(i)[j] = a.row(n - 1 - i)[n - 1 - j];
  const std::optional<Matrix> lower = cholesky(std::move(reversed));
  if (!lower) return std::nullopt;
  const auto m = [&](size_t i, size_t j) { return lower->row(n - 1 - i)[n - 1 - j]; };
  // Row i of the inverse of an upper triangle from the rows below it.
  Matrix u(n);
  for (size_t i = n; i-- > 0;) {
    double* row = u.row(i);
    const double pivot = m(i, i);
    for (size_t k = i + 1; k < n; ++k) {
      const double factor = m(i, k) / pivot;
      const double* below = u.row(k);
      for (size_t j = k; j < n; ++j) row[j] -= factor * below[j];
    }
    row[i] = 1 / pivot;
  }
  return u;
}

std::vector<double> product(const Matrix& a, std::span<const double> x) {
  std::vector<double> result(x.size());
  for (size_t i = 0; i < x.size(); ++i) result[i] = dot({a.row(i), x.size()}, x);
  return result;
}

// Four sums beside each other, which a processor adds at a time.
double dot(std::span<const double> x, std::span<const double> y) {
  double sums[4] = {};
  size_t i = 0;
  for (; i + 4 <= x.size(); i += 4)
    for (size_t k = 0; k < 4; ++k) sums[k] += x[i + k] * y[i + k];
  for (; i < x.size(); ++i) sums[0] += x[i] * y[i];
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

}  // namespace ht
