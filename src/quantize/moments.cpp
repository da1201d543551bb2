// SPDX-License-Identifier: Apache-2.0
#include "quantize/moments.h"

#include <algorithm>
#include <array>

namespace ht {
namespace {

constexpr size_t kAtOnce = 4;  // samples added in one walk through the sums

// sums[i] += the sum over the samples of factors[n] * rows[n][i].
void add_scaled(double* __restrict sums, size_t size, const std::array<double, kAtOnce>& factors, const std::array<const double*, kAtOnce>& rows) {
  const double a = factors[0], b = factors[1], c = factors[2], d = factors[3];
  const double *p = rows[0], *q = rows[1], *r = rows[2], *s = rows[3];
  for (size_t i = 0; i < size; ++i) sums[i] += (a * p[i] + b * q[i]) + (c * r[i] + d * s[i]);
}

void add_to(std::vector<double>& to, const std::vector<double>& from) {
  for (size_t i = 0; i < to.size(); ++i) to[i] += from[i];
}

}  // namespace

ProductMoments::ProductMoments(const ObservedProduct& product)
    : groups(static_cast<size_t>(product.groups)), size(static_cast<size_t>(product.size)), outputs(static_cast<size_t>(product.outputs)) {
  if (product.with_squares) {
    squares.resize(groups * size * size);
    cross.resize(outputs * size);
  }
  sums.resize(groups * size);
  output_sums.resize(outputs);
  output_squares.resize(outputs);
}

void ProductMoments::add(size_t count, std::span<const double> inputs, std::span<const double> values) {
  const size_t width = groups * size, per_group = outputs / groups;
  const std::vector<double> none(std::max(width, outputs));
  for (size_t first = 0; first < count; first += kAtOnce) {
    std::array<const double*, kAtOnce> x, y;
    for (size_t n = 0; n < kAtOnce; ++n) {
      const bool is_there = first + n < count;
      x[n] = is_there ? inputs.data() + (first + n) * width : none.data();
      y[n] = is_there ? values.data() + (first + n) * outputs : none.data();
    }
    const std::array<double, kAtOnce> ones = {1, 1, 1, 1};
    add_scaled(sums.data(), width, ones, x);
    add_scaled(output_sums.data(), outputs, ones, y);
    const auto at = [](const std::array<const double*, kAtOnce>& rows, size_t i) -> std::array<double, kAtOnce> {
      return {rows[0][i], rows[1][i], rows[2][i], rows[3][i]};
    };
    for (size_t o = 0; o < outputs; ++o)
      for (size_t n = 0; n < kAtOnce; ++n) output_squares[o] += y[n][o] * y[n][o];
    if (squares.empty()) continue;
    for (size_t g = 0; g < groups; ++g) {
      std::array<const double*, kAtOnce> rows;
      for (size_t n = 0; n < kAtOnce; ++n) rows[n] = x[n] + g * size;
      double* own = squares.data() + g * size * size;
      for (size_t i = 0; i < size; ++i) {
        const auto factors = at(rows, i);
        if (factors != std::array<double, kAtOnce>{}) add_scaled(own + i * size, i + 1, factors, rows);
      }
      for (size_t o = g * per_group; o < (g + 1) * per_group; ++o) add_scaled(cross.data() + o * size, size, at(y, o), rows);
    }
  }
  samples += static_cast<double>(count);
}

void ProductMoments::add(const ProductMoments& other) {
  add_to(squares, other.squares);
  add_to(sums, other.sums);
  add_to(cross, other.cross);
  add_to(output_sums, other.output_sums);
  add_to(output_squares, other.output_squares);
  samples += other.samples;
}

void ProductMoments::subtract_from_outputs(std::span<const double> less) {
  for (size_t o = 0; o < outputs; ++o) {
    const double* own_sums = sums.data() + o / (outputs / groups) * size;
    for (size_t i = 0; i < (cross.empty() ? 0 : size); ++i) cross[o * size + i] -= less[o] * own_sums[i];
    output_squares[o] += less[o] * (less[o] * samples - 2 * output_sums[o]);
    output_sums[o] -= less[o] * samples;
  }
}

void ProductMoments::finish() {
  for (double* own = squares.data(); own < squares.data() + squares.size(); own += size * size)
    for (size_t i = 0; i < size; ++i)
      for (size_t j = 0; j < i; ++j) own[j * size + i] = own[i * size + j];
}

GroupMoments::GroupMoments(const ProductMoments& moments, size_t group, std::span<const double> output_units, bool about_means)
    : inputs_(moments.size) {
  const size_t size = moments.size, per_group = moments.outputs / moments.groups;
  const double share = moments.samples > 0 ? 1 / moments.samples : 0;
  const auto mean = [&](double sum) { return about_means ? sum * share : 0.0; };
  const double* squares = moments.squares.data() + group * size * size;
  const double* sums = moments.sums.data() + group * size;
  for (size_t i = 0; i < size; ++i) {
    for (size_t j = 0; j < size; ++j) inputs_.row(i)[j] = squares[i * size + j] * share - mean(sums[i]) * mean(sums[j]);
    mean_square_ += inputs_.row(i)[i] / static_cast<double>(size);
  }
  for (size_t o = group * per_group; o < (group + 1) * per_group; ++o) {
    const double unit = output_units[o], output_mean = mean(moments.output_sums[o]);
    for (size_t i = 0; i < size; ++i) cross_.push_back(unit * (moments.cross[o * size + i] * share - output_mean * mean(sums[i])));
    powers_.push_back(unit * unit * (moments.output_squares[o] * share - output_mean * output_mean));
  }
}

double GroupMoments::error(size_t output, std::span<const double> weights) const {
  return dot(weights, product(inputs_, weights)) - 2 * dot(weights, cross(output)) + powers_[output];
}

double GroupMoments::relative_error(std::span<const double> rows) const {
  double sum = 0;
  for (size_t o = 0; o < powers_.size(); ++o)
    if (power(o) > 0) sum += error(o, rows.subspan(o * inputs_.size(), inputs_.size())) / power(o);
  return sum;
}

}  // namespace ht
