// SPDX-License-Identifier: Apache-2.0
#include "kernels/activation_pieces.h"

#include <algorithm>
#include <cmath>

#include "kernels/c/ht_unary_f32.h"

namespace ht {
namespace {

constexpr int32_t kHalf = HT_ACTIVATION_PIECES / 2;
constexpr double kFar = 1000;  // where every function has reached its asymptote

// base + slope * u + curve * u^2, u in [0, 1] over the piece.
struct Parabola {
  double base, slope, curve;
};

Parabola through(const double (&u)[3], const double (&y)[3]) {
  const double first = (y[1] - y[0]) / (u[1] - u[0]);
  const double second = (y[2] - y[1]) / (u[2] - u[1]);
  const double curve = (second - first) / (u[2] - u[0]);
  return {y[0] - first * u[0] + curve * u[0] * u[1], first - curve * (u[0] + u[1]), curve};
}

bool rises(const ActivationFunction& function) { return evaluate_activation(function, kFar) > kFar / 2; }

// Inner pieces pass through the function at Chebyshev's three points, which is within a few per cent of the minimax fit. The
// outermost ones end on the asymptotes, because most of what lies outside lies far outside.
Parabola fit(const ActivationFunction& function, int32_t piece, double width) {
  const auto value = [&](double u) { return evaluate_activation(function, (piece - kHalf + u) * width); };
  if (piece == 0) return through({0, 0.5, 1}, {evaluate_activation(function, -kFar), value(0.5), value(1)});
  if (piece == HT_ACTIVATION_PIECES - 1) {
    const double limit = rises(function) ? kHalf * width : evaluate_activation(function, kFar);
    return through({0, 0.5, 1}, {value(0), value(0.5), limit});
  }
  const double reach = std::sqrt(3.0) / 4;
  return through({0.5 - reach, 0.5, 0.5 + reach}, {value(0.5 - reach), value(0.5), value(0.5 + reach)});
}

// Functions that reach their asymptotes sooner get narrower pieces.
int32_t piece_shift(int32_t kind) { return kind == HT_TANH || kind == HT_GELU || kind == HT_GELU_TANH ? 14 : 15; }

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
  form.piece_shift = piece_shift(function.kind);
  form.rises = rises(function) ? -1 : 0;
  const double width = std::ldexp(1.0, form.piece_shift - HT_ACTIVATION_BITS);
  for (int32_t piece = 0; piece < HT_ACTIVATION_PIECES; ++piece) {
    const Parabola p = fit(function, piece, width);
    const auto i = static_cast<size_t>(piece);
    form.base[i] = fixed(p.base, HT_ACTIVATION_BITS);
    form.slope[i] = fixed(p.slope, HT_ACTIVATION_BITS);
    form.curve[i] = fixed(p.curve, HT_ACTIVATION_BITS);
  }
  return form;
}

}  // namespace ht
