// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "ops/binary/binary.h"
#include "ops/common.h"

namespace ht {
namespace {

// Integers wrap on overflow, as the hardware that models are exported from has it.
int64_t wrapping(uint64_t x) { return static_cast<int64_t>(x); }

int64_t power(int64_t base, int64_t exponent) {
  if (exponent < 0) return base == 1 ? 1 : base == -1 ? (exponent % 2 ? -1 : 1) : 0;
  uint64_t result = 1, factor = static_cast<uint64_t>(base);
  for (; exponent > 0; exponent >>= 1, factor *= factor)
    if (exponent & 1) result *= factor;
  return wrapping(result);
}

// Where the operator divides, the divisor is not 0; -1 stands apart because the least integer divided by it overflows.
int64_t evaluate_integer(const Binary& binary, int64_t a, int64_t b) {
  const auto ua = static_cast<uint64_t>(a), ub = static_cast<uint64_t>(b);
  switch (binary.kind) {
    case BinaryKind::kAdd:
      return wrapping(ua + ub);
    case BinaryKind::kSub:
      return wrapping(ua - ub);
    case BinaryKind::kMul:
      return wrapping(ua * ub);
    case BinaryKind::kDiv:
      return b == -1 ? wrapping(-ua) : a / b;
    case BinaryKind::kFmod:
      return b == -1 ? 0 : a % b;
    case BinaryKind::kMod: {
      const int64_t rest = b == -1 ? 0 : a % b;
      return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
    }
    case BinaryKind::kPow:
      return power(a, b);
    case BinaryKind::kMin:
      return std::min(a, b);
    case BinaryKind::kMax:
      return std::max(a, b);
    case BinaryKind::kPRelu:
      return a < 0 ? wrapping(ua * ub) : a;
    case BinaryKind::kEqual:
      return a == b;
    case BinaryKind::kLess:
      return a < b;
    case BinaryKind::kLessOrEqual:
      return a <= b;
    case BinaryKind::kGreater:
      return a > b;
    case BinaryKind::kGreaterOrEqual:
      return a >= b;
    case BinaryKind::kAnd:
      return a && b;
    case BinaryKind::kOr:
      return a || b;
    case BinaryKind::kXor:
      return !a != !b;
  }
  return 0;
}

bool divides(BinaryKind kind) { return kind == BinaryKind::kDiv || kind == BinaryKind::kMod || kind == BinaryKind::kFmod; }

}  // namespace

double evaluate(const Binary& binary, double a, double b) {
  switch (binary.kind) {
    case BinaryKind::kAdd:
      return a + b;
    case BinaryKind::kSub:
      return a - b;
    case BinaryKind::kMul:
      return a * b;
    case BinaryKind::kDiv:
      return a / b;
    case BinaryKind::kPow:
      return std::pow(a, b);
    case BinaryKind::kMin:
      return std::isnan(a) || a < b ? a : b;
    case BinaryKind::kMax:
      return std::isnan(a) || a > b ? a : b;
    case BinaryKind::kMod:
    case BinaryKind::kFmod:
      return std::fmod(a, b);
    case BinaryKind::kPRelu:
      return a < 0 ? a * b : a;
    case BinaryKind::kEqual:
      return a == b;
    case BinaryKind::kLess:
      return a < b;
    case BinaryKind::kLessOrEqual:
      return a <= b;
    case BinaryKind::kGreater:
      return a > b;
    case BinaryKind::kGreaterOrEqual:
      return a >= b;
    case BinaryKind::kAnd:
      return a != 0 && b != 0;
    case BinaryKind::kOr:
      return a != 0 || b != 0;
    case BinaryKind::kXor:
      return (a != 0) != (b != 0);
  }
  return 0;
}

Status reference(const Binary& binary, InputTensors inputs, OutputTensors outputs) {
  const Shape& shape = outputs[0].shape();
  const auto a_positions = broadcast_positions(inputs[0]->shape(), shape);
  const auto b_positions = broadcast_positions(inputs[1]->shape(), shape);
  auto compute = [&](const auto& a, const auto& b, auto function) {
    std::remove_cvref_t<decltype(a)> out(a_positions.size());
    for (size_t i = 0; i < out.size(); ++i)
      out[i] = function(binary, a[static_cast<size_t>(a_positions[i])], b[static_cast<size_t>(b_positions[i])]);
    store(outputs[0], out);
  };
  if (is_float(inputs[0]->dtype()) || is_float(inputs[1]->dtype())) {
    compute(inputs[0]->to_doubles(), inputs[1]->to_doubles(), static_cast<double (*)(const Binary&, double, double)>(evaluate));
    return {};
  }
  const auto divisors = inputs[1]->to_int64s();
  if (divides(binary.kind) && std::ranges::find(divisors, 0) != divisors.end() && !a_positions.empty())
    return input_error("divides an integer by zero");
  compute(inputs[0]->to_int64s(), divisors, evaluate_integer);
  return {};
}

}  // namespace ht
