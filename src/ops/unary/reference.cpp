// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <numbers>

#include "ops/common.h"
#include "ops/unary/unary.h"

namespace ht {
namespace {

double sigmoid(double x) { return x >= 0 ? 1 / (1 + std::exp(-x)) : std::exp(x) / (1 + std::exp(x)); }
double softplus(double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); }
// Unlike std::clamp it lets the upper bound win where the bounds are in disorder, and lets NaN through.
double clip(double x, double low, double high) {
  const double raised = x < low ? low : x;
  return raised > high ? high : raised;
}

int64_t evaluate_integer(const Unary& unary, int64_t x) {
  switch (unary.kind) {
    case UnaryKind::kRelu:
      return std::max<int64_t>(x, 0);
    case UnaryKind::kNeg:
      return static_cast<int64_t>(-static_cast<uint64_t>(x));
    case UnaryKind::kAbs:
      return x < 0 ? static_cast<int64_t>(-static_cast<uint64_t>(x)) : x;
    case UnaryKind::kSign:
      return (x > 0) - (x < 0);
    default:
      break;
  }
  // Clip. A bound is compared first, so that an integer beyond 2^53 that is inside the bounds stays exact.
  const double real = static_cast<double>(x);
  const double clipped = clip(real, unary.alpha, unary.beta);
  return clipped == real ? x : static_cast<int64_t>(std::clamp(clipped, -0x1p63, 0x1.fffffffffffffp62));
}

}  // namespace

double evaluate(const Unary& unary, double x) {
  const double alpha = unary.alpha, beta = unary.beta;
  switch (unary.kind) {
    case UnaryKind::kRelu:
      return x < 0 ? 0 : x;
    case UnaryKind::kLeakyRelu:
      return x < 0 ? alpha * x : x;
    case UnaryKind::kClip:
      return clip(x, alpha, beta);
    case UnaryKind::kSigmoid:
      return sigmoid(x);
    case UnaryKind::kHardSigmoid:
      return clip(alpha * x + beta, 0, 1);
    case UnaryKind::kSilu:
      return x == -HUGE_VAL ? 0 : x * sigmoid(x);
    case UnaryKind::kHardSwish:
      return x * clip(x / 6 + 0.5, 0, 1);
    case UnaryKind::kTanh:
      return std::tanh(x);
    case UnaryKind::kGelu:
      return 0.5 * x * std::erfc(-x / std::numbers::sqrt2);
    case UnaryKind::kGeluTanh:
      return 0.5 * x * (1 + std::tanh(std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x)));
    case UnaryKind::kErf:
      return std::erf(x);
    case UnaryKind::kElu:
      return x < 0 ? alpha * std::expm1(x) : x;
    case UnaryKind::kSelu:
      return beta * (x < 0 ? alpha * std::expm1(x) : x);
    case UnaryKind::kCelu:
      return std::max(x, 0.0) + std::min(alpha * std::expm1(x / alpha), 0.0);
    case UnaryKind::kSoftplus:
      return softplus(x);
    case UnaryKind::kSoftsign:
      return x / (1 + std::abs(x));
    case UnaryKind::kMish:
      return x * std::tanh(softplus(x));
    case UnaryKind::kExp:
      return std::exp(x);
    case UnaryKind::kLog:
      return std::log(x);
    case UnaryKind::kSqrt:
      return std::sqrt(x);
    case UnaryKind::kNeg:
      return -x;
    case UnaryKind::kAbs:
      return std::abs(x);
    case UnaryKind::kFloor:
      return std::floor(x);
    case UnaryKind::kCeil:
      return std::ceil(x);
    case UnaryKind::kRound:
      return std::nearbyint(x);
    case UnaryKind::kReciprocal:
      return 1 / x;
    case UnaryKind::kSin:
      return std::sin(x);
    case UnaryKind::kCos:
      return std::cos(x);
    case UnaryKind::kSign:
      return std::isnan(x) ? x : (x > 0) - (x < 0);
    case UnaryKind::kNot:
      return x == 0;
  }
  return x;
}

Status reference(const Unary& unary, InputTensors inputs, OutputTensors outputs) {
  if (is_integer(inputs[0]->dtype())) {
    auto x = inputs[0]->to_int64s();
    for (int64_t& element : x) element = evaluate_integer(unary, element);
    store(outputs[0], x);
  } else {
    auto x = inputs[0]->to_doubles();
    for (double& element : x) element = evaluate(unary, element);
    store(outputs[0], x);
  }
  return {};
}

}  // namespace ht
