// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <limits>

#include "ops/common.h"
#include "ops/reduce/reduce.h"

namespace ht {
namespace {

// For each input element the output element that it goes into.
std::vector<int64_t> destinations(const Reduce& reduce, const Shape& shape) {
  Shape kept = shape;
  for (int64_t axis : reduce.axes) kept[static_cast<size_t>(axis)] = 1;
  return broadcast_positions(kept, shape);
}

double start(ReduceKind kind) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  switch (kind) {
    case ReduceKind::kProd:
      return 1;
    case ReduceKind::kMax:
    case ReduceKind::kLogSumExp:
      return -kInfinity;
    case ReduceKind::kMin:
      return kInfinity;
    case ReduceKind::kSum:
    case ReduceKind::kMean:
    case ReduceKind::kL1:
    case ReduceKind::kL2:
    case ReduceKind::kLogSum:
    case ReduceKind::kSumSquare:
      break;
  }
  return 0;
}

double add(ReduceKind kind, double state, double x) {
  switch (kind) {
    case ReduceKind::kSum:
    case ReduceKind::kMean:
    case ReduceKind::kLogSum:
      return state + x;
    case ReduceKind::kProd:
      return state * x;
    case ReduceKind::kMax:
      return std::isnan(x) || x > state ? x : state;
    case ReduceKind::kMin:
      return std::isnan(x) || x < state ? x : state;
    case ReduceKind::kL1:
      return state + std::abs(x);
    case ReduceKind::kL2:
    case ReduceKind::kSumSquare:
      return state + x * x;
    case ReduceKind::kLogSumExp: {
      const double high = std::max(state, x), low = std::min(state, x);
      return std::isinf(low) || std::isinf(high) ? high : high + std::log1p(std::exp(low - high));
    }
  }
  return state;
}

double finish(ReduceKind kind, double state, double count) {
  if (kind == ReduceKind::kMean) return state / count;
  if (kind == ReduceKind::kL2) return std::sqrt(state);
  return kind == ReduceKind::kLogSum ? std::log(state) : state;
}

int64_t add_integer(ReduceKind kind, int64_t state, int64_t x) {
  if (kind == ReduceKind::kMax) return std::max(state, x);
  if (kind == ReduceKind::kMin) return std::min(state, x);
  const auto a = static_cast<uint64_t>(state), b = static_cast<uint64_t>(x);
  if (kind == ReduceKind::kProd) return static_cast<int64_t>(a * b);
  if (kind == ReduceKind::kSumSquare) return static_cast<int64_t>(a + b * b);
  return static_cast<int64_t>(kind == ReduceKind::kL1 && x < 0 ? a - b : a + b);
}

int64_t start_integer(ReduceKind kind, DType dtype) {
  if (kind == ReduceKind::kMax) return dtype == DType::kBool ? 0 : integer_range(dtype).min;
  if (kind == ReduceKind::kMin) return dtype == DType::kBool ? 1 : integer_range(dtype).max;
  return kind == ReduceKind::kProd ? 1 : 0;
}

}  // namespace

double reduction_of_nothing(ReduceKind kind, DType dtype) {
  return is_float(dtype) ? finish(kind, start(kind), 0) : static_cast<double>(start_integer(kind, dtype));
}

Status reference(const Reduce& reduce, InputTensors inputs, OutputTensors outputs) {
  const auto to = destinations(reduce, inputs[0]->shape());
  const auto size = static_cast<size_t>(outputs[0].size());
  const auto count = size == 0 ? int64_t{0} : static_cast<int64_t>(to.size() / size);
  if (!is_float(inputs[0]->dtype())) {
    const auto x = inputs[0]->to_int64s();
    std::vector<int64_t> out(size, start_integer(reduce.kind, inputs[0]->dtype()));
    for (size_t i = 0; i < x.size(); ++i) {
      int64_t& state = out[static_cast<size_t>(to[i])];
      state = add_integer(reduce.kind, state, x[i]);
    }
    if (reduce.kind == ReduceKind::kMean && count > 0)
      for (int64_t& state : out) state /= count;
    store(outputs[0], out);
    return {};
  }
  const auto x = inputs[0]->to_doubles();
  std::vector<double> out(size, start(reduce.kind));
  for (size_t i = 0; i < x.size(); ++i) {
    double& state = out[static_cast<size_t>(to[i])];
    state = add(reduce.kind, state, x[i]);
  }
  for (double& state : out) state = finish(reduce.kind, state, static_cast<double>(count));
  store(outputs[0], out);
  return {};
}

}  // namespace ht
