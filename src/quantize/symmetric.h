// SPDX-License-Identifier: Apache-2.0
// Linear algebra on symmetric positive definite matrices in double precision.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace ht {

// A square matrix, row by row.
class Matrix {
 public:
  explicit Matrix(size_t size) : size_(size), values_(size * size) {}
  double* row(size_t i) { return values_.data() + i * size_; }
  const double* row(size_t i) const { return values_.data() + i * size_; }
  size_t size() const { return size_; }

 private:
  size_t size_;
  std::vector<double> values_;
};

// The lower L with L L^T = a; nothing where a is not positive definite. Reads the lower triangle.
std::optional<Matrix> cholesky(Matrix a);

// Solves L L^T x = b in place of b.
void solve(const Matrix& lower, std::span<double> b);

// The upper U with U^T U = a^-1; nothing where a is not positive definite.
std::optional<Matrix> inverse_factor(const Matrix& a);

// a x.
std::vector<double> product(const Matrix& a, std::span<const double> x);
double dot(std::span<const double> x, std::span<const double> y);

}  // namespace ht
