// SPDX-License-Identifier: Apache-2.0
#include "quantize/gptq.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace ht {
namespace {

constexpr double kDamping = 0.01;

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

// The lower L with L L^T = a; false where a is not positive definite.
bool cholesky(Matrix& a) {
  for (size_t i = 0; i < a.size(); ++i) {
    double* row = a.row(i);
    for (size_t j = 0; j <= i; ++j) {
      const double* other = a.row(j);
      double sum = row[j];
      for (size_t k = 0; k < j; ++k) sum -= row[k] * other[k];
      if (j < i) {
        row[j] = sum / other[j];
      } else if (sum > 0) {
        row[i] = std::sqrt(sum);
      } else {
        return false;
      }
    }
    std::fill(row + i + 1, row + a.size(), 0.0);
  }
  return true;
}

// Of what is not rounded yet, the weights k > j move by -e / u[j][j] * u[j][k] when weight j is off by e, where u is the upper Cholesky
// factor of the inverse of h, u^T u = h^-1. With h = m m^T for the upper m (a Cholesky factor in reversed order), u = m^-1.
bool inverse_factor(const Matrix& h, Matrix& u) {
  const size_t n = h.size();
  Matrix reversed(n);
  for (size_t i = 0; i < n; ++i)
    for (size_t j = 0; j < n; ++j) reversed.row(i)[j] = h.row(n - 1 - i)[n - 1 - j];
  if (!cholesky(reversed)) return false;
  const auto m = [&](size_t i, size_t j) { return reversed.row(n - 1 - i)[n - 1 - j]; };
  // Row i of the inverse of an upper triangle from the rows below it.
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
  return true;
}

double quadratic_form(const Matrix& h, const std::vector<double>& e) {
  double sum = 0;
  for (size_t i = 0; i < e.size(); ++i) {
    double inner = 0;
    for (size_t j = 0; j < e.size(); ++j) inner += h.row(i)[j] * e[j];
    sum += e[i] * inner;
  }
  return sum;
}

// One group's moments in the order in which its weights are rounded.
class Group {
 public:
  Group(const InputMoments& moments, size_t group)
      : order_(static_cast<size_t>(moments.size)), h_(order_.size()), u_(order_.size()) {
    const double* sums = moments.sums.data() + group * order_.size() * order_.size();
    const auto at = [&](size_t i, size_t j) { return sums[i * order_.size() + j]; };
    std::iota(order_.begin(), order_.end(), size_t{0});
    std::ranges::stable_sort(order_, std::greater(), [&](size_t i) { return at(i, i); });
    double trace = 0;
    for (size_t i = 0; i < order_.size(); ++i) trace += at(i, i);
    for (size_t i = 0; i < order_.size(); ++i)
      for (size_t j = 0; j < order_.size(); ++j) h_.row(i)[j] = at(order_[i], order_[j]);
    for (size_t i = 0; i < order_.size(); ++i) h_.row(i)[i] += kDamping * trace / static_cast<double>(order_.size());
    is_usable_ = trace > 0 && inverse_factor(h_, u_);
  }

  bool is_usable() const { return is_usable_; }

  // Rounds `exact`, in units of the output's scale, where that is better than the integers there are, each of which stands for
  // `multiples` of such units.
  void round(const std::vector<double>& exact, const std::vector<double>& multiples, double least, double greatest, int8_t* integers) const {
    const size_t n = order_.size();
    std::vector<double> moving(n), error(n), plain(n);
    for (size_t i = 0; i < n; ++i) {
      moving[i] = exact[order_[i]];
      plain[i] = integers[order_[i]] * multiples[order_[i]] - exact[order_[i]];
    }
    std::vector<double> rounded(n);
    for (size_t j = 0; j < n; ++j) {
      const double multiple = multiples[order_[j]];
      rounded[j] = std::clamp(std::nearbyint(moving[j] / multiple), least, greatest);
      error[j] = rounded[j] * multiple - exact[order_[j]];
      const double* row = u_.row(j);
      const double share = (moving[j] - rounded[j] * multiple) / row[j];
      for (size_t k = j + 1; k < n; ++k) moving[k] -= share * row[k];
    }
    if (quadratic_form(h_, error) >= quadratic_form(h_, plain)) return;
    for (size_t i = 0; i < n; ++i) integers[order_[i]] = static_cast<int8_t>(rounded[i]);
  }

 private:
  std::vector<size_t> order_;
  Matrix h_, u_;
  bool is_usable_ = false;
};

}  // namespace

void round_by_moments(std::span<const float> weights, const WeightRequest& request, const InputMoments& moments, QuantizedWeights& quantized) {
  const auto size = static_cast<size_t>(moments.size), outputs = weights.size() / size;
  const size_t per_group = outputs / static_cast<size_t>(moments.groups);
  std::vector<double> exact(size), multiples(size);
  for (size_t g = 0; g < static_cast<size_t>(moments.groups); ++g) {
    const Group group(moments, g);
    if (!group.is_usable()) continue;
    for (size_t o = g * per_group; o < (g + 1) * per_group; ++o) {
      const size_t channels = request.input_scales.size() / static_cast<size_t>(moments.groups);
      for (size_t i = 0; i < size; ++i) {
        const double scale = channels == 0 ? 1.0 : request.input_scales[g * channels + i / (size / channels)];
        exact[i] = weights[o * size + i] * scale / quantized.scales[o];
        multiples[i] = quantized.multiple(o * size + i);
      }
      group.round(exact, multiples, request.least, request.greatest, quantized.values.data() + o * size);
    }
  }
}

}  // namespace ht
