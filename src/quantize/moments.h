// SPDX-License-Identifier: Apache-2.0
// What samples tell of a product: its integer inputs, and the outputs that the float network has at the same places.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "ir/graph.h"
#include "quantize/symmetric.h"

namespace ht {

// The float network's outputs are integers up to this, in their units.
inline constexpr double kMostOutput = 1 << 20;

// A convolution or matrix product with constant weights whose input is quantized.
struct ObservedProduct {
  std::string node;             // in the float network as well
  std::string input;            // the value that it reads, in the quantized network
  Op op;                        // Conv, Gemm or MatMul
  Shape weights, input_shape, output_shape;
  int64_t groups = 1, size = 0, outputs = 0;  // size: weights an output, in the order of ObservedMoments
  std::vector<double> output_units;           // the float network's outputs are rounded to multiples of these
  bool with_squares = true;                   // whether to sum products of inputs
};

// Sums over samples. x is a row of integers (q - zero point) that one output multiplies by its weights: of a convolution input channel by
// input channel, tap by tap; zeros in the padding. y is an output of the float network in its unit. All are sums of integers below 2^53 and so
// exact: neither order nor threads matter.
struct ProductMoments {
  ProductMoments() = default;
  explicit ProductMoments(const ObservedProduct& product);

  // `inputs`: [count, groups * size], `values`: [count, outputs].
  void add(size_t count, std::span<const double> inputs, std::span<const double> values);
  void add(const ProductMoments& other);
  // As if the float network's outputs were less by these, [outputs], in their units.
  void subtract_from_outputs(std::span<const double> less);
  // To be called once behind all others: the sums' upper triangles.
  void finish();

  size_t groups = 0, size = 0, outputs = 0;
  double samples = 0;
  std::vector<double> squares;          // [groups, size, size]: x x^T
  std::vector<double> sums;             // [groups, size]: x
  std::vector<double> cross;            // [outputs, size]: y x, of the output's group
  std::vector<double> output_sums;      // [outputs]: y
  std::vector<double> output_squares;   // [outputs]: y y
};

// From photos to fit, and from others on which to check what was fitted.
struct ObservedMoments {
  ProductMoments fit, check;
  int64_t photos = 0;  // of both
};

// The moments of products[first ... first + count), the network computing with integers up to them. Called for one part of all products after the
// other, so that what the float network gives can be kept for later parts.
using MeasureMoments =
    std::function<Result<std::vector<ObservedMoments>>(const Graph& quantized, std::span<const ObservedProduct> products, size_t first, size_t count)>;

// One group's moments per sample, in real units of the outputs; about the means where a bias takes them up.
class GroupMoments {
 public:
  GroupMoments(const ProductMoments& moments, size_t group, std::span<const double> output_units, bool about_means);

  const Matrix& inputs() const { return inputs_; }
  double mean_square() const { return mean_square_; }  // of one input
  // Of an output, counted within the group.
  std::span<const double> cross(size_t output) const { return {cross_.data() + output * inputs_.size(), inputs_.size()}; }
  double power(size_t output) const { return powers_[output]; }
  // Mean square of what weights make of the inputs minus the float network's output.
  double error(size_t output, std::span<const double> weights) const;
  // Of rows of weights, one an output: the errors in units of the outputs' powers, summed.
  double relative_error(std::span<const double> rows) const;

 private:
  Matrix inputs_;
  double mean_square_ = 0;
  std::vector<double> cross_, powers_;
};

}  // namespace ht
