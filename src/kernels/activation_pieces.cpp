// SPDX-License-Identifier: Apache-2.0
#include "kernels/activation_pieces.h"

#include <algorithm>
#include <cmath>

#include "kernels/c/ht_unary_f32.h"

namespace ht {
namespace {

constexpr double kWidth = 0.5;

// base + slope * u + curve * u^2, u in [0, 1] over the piece, through the function at Chebyshev's three points: within a few
// per cent of the minimax fit.
struct Parabola {
  double base, slope, curve;
};

Parabola fit(const ActivationFunction& function, double left) {
  const double reach = std::sqrt(3.0) / 4;
  const double u[3] = {0.5 - reach, 0.5, 0.5 + reach};
  double y[3];
  for (int i = 0; i < 3; ++i) y[i] = evaluate_activation(function, left + u[i] * kWidth);
  const double first = (y[1] - y[0]) / (u[1] - u[0]);
  const double second = (y[2] - y[1]) / (u[2] - u[1]);
  const double curve = (second - first) / (u[2] - u[0]);
  return {y[0] - first * u[0] + curve * u[0] * u[1], first - curve * (u[0] + u[1]), curve};
}

int32_t fixed(double x, int bits) { return static_cast<int32_t>(std::nearbyint(std::ldexp(x, bits))); }

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
double softplus(double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); }

}  // namespace

bool has_activation_form(int32_t kind) {
  switch (kind) {
    case HT_LEAKY_RELU:
    case HT_SIGMOID:
    case HT_TANH:
    case HT_SILU:
    case HT_HARD_SWISH:
    case HT_HARD_SIGMOID:
    case HT_GELU:
    case HT_GELU_TANH:
    case HT_ELU:
    case HT_SOFTPLUS:
    case HT_MISH:
      return true;
    default:
      return false;
  }
}

double evaluate_activation(const ActivationFunction& function, double x) {
  const double alpha = static_cast<double>(function.alpha), beta = static_cast<double>(function.beta);
  switch (function.kind) {
    case HT_RELU:
      return std::max(x, 0.0);
    case HT_CLIP:
      return std::clamp(x, alpha, beta);
    case HT_LEAKY_RELU:
      return x < 0 ? alpha * x : x;
    case HT_SIGMOID:
      return sigmoid(x);
    case HT_TANH:
      return std::tanh(x);
    case HT_SILU:
      return x * sigmoid(x);
    case HT_HARD_SWISH:
      return x * std::clamp(x / 6 + 0.5, 0.0, 1.0);
    case HT_HARD_SIGMOID:
      return std::clamp(alpha * x + beta, 0.0, 1.0);
    case HT_GELU:
      return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0)));
    case HT_GELU_TANH:
      return 0.5 * x * (1 + std::tanh(std::sqrt(2 / 3.14159265358979323846) * (x + 0.044715 * x * x * x)));
    case HT_ELU:
      return x < 0 ? alpha * std::expm1(x) : x;
    case HT_SOFTPLUS:
      return softplus(x);
    case HT_MISH:
      return x * std::tanh(softplus(x));
    case HT_EXP:
      return std::exp(x);
    default:
      return x;
  }
}

ht_activation activation_pieces(const ActivationFunction& function) {
  ht_activation form{};
  for (int32_t piece = 0; piece < HT_ACTIVATION_PIECES; ++piece) {
    const Parabola p = fit(function, (piece - HT_ACTIVATION_PIECES / 2) * kWidth);
    const auto i = static_cast<size_t>(piece);
    form.base[i] = fixed(p.base, HT_ACTIVATION_BITS);
    form.slope[i] = fixed(p.slope, HT_ACTIVATION_BITS);
    form.curve[i] = fixed(p.curve, HT_ACTIVATION_BITS);
  }
  const double end = HT_ACTIVATION_PIECES / 2 * kWidth;
  form.rises = evaluate_activation(function, 2 * end) - evaluate_activation(function, end) > 0.5 * end ? -1 : 0;
  return form;
}

}  // namespace ht
