// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "kernels/c/ht_finish.h"
#include "kernels/c/ht_unary_f32.h"
#include "kernels/epilogue.h"

namespace ht::test {
namespace {

struct Case {
  const char* name;
  ActivationFunction function;
  double error;  // largest absolute error of the pieces, beyond [-8, 8) included
};

const Case kCases[] = {{"sigmoid", {HT_SIGMOID}, 4e-4},
                       {"tanh", {HT_TANH}, 7e-4},
                       {"silu", {HT_SILU}, 3e-3},
                       {"hard_swish", {HT_HARD_SWISH}, 5e-5},
                       {"hard_sigmoid", {HT_HARD_SIGMOID, 0.2f, 0.5f}, 5e-5},
                       {"gelu", {HT_GELU}, 9e-4},
                       {"gelu_tanh", {HT_GELU_TANH}, 9e-4},
                       {"elu", {HT_ELU, 1.0f}, 6e-4},
                       {"softplus", {HT_SOFTPLUS}, 4e-4},
                       {"mish", {HT_MISH}, 3e-3}};

EpilogueData epilogue(Policy policy, const ActivationFunction& function, double in, double out, int8_t zero_point) {
  return *activated_epilogue(policy, 1, function, {in}, {out}, {{zero_point}, {-128}, {127}});
}

TEST(Activation, PiecesStayCloseToTheFunction) {
  for (const Case& c : kCases) {
    ASSERT_TRUE(has_activation_form(c.function.kind)) << c.name;
    const EpilogueData data = epilogue(Policy::kFixedSingle, c.function, 1.0 / 256, 0.01, 0);
    double worst = 0, worst_inside = 0;
    for (int32_t t = -40 * 65536; t < 300 * 65536; t += 37) {
      const double exact = evaluate_activation(c.function, t / 65536.0);
      const double error = std::abs(ht_activate(&data.activation[0], t) / 65536.0 - exact);
      worst = std::max(worst, error);
      if (std::abs(t) < 7 * 65536) worst_inside = std::max(worst_inside, error);
    }
    EXPECT_LT(worst, c.error) << c.name;
    EXPECT_LT(worst_inside, 9e-4) << c.name;
  }
}

TEST(Activation, EpilogueIsWithinOneStepOfTheExactValue) {
  for (const Policy policy : {Policy::kFloatHalfEven, Policy::kFixedSingle})
    for (const Case& c : kCases)
      for (const double out : {0.004, 0.03}) {
        const double in = 0.0017;
        const EpilogueData data = epilogue(policy, c.function, in, out, -100);
        const ht_epilogue e = data.view();
        double squares = 0, rounding_squares = 0;
        for (int32_t sum = -20000; sum < 20000; sum += 3) {
          int32_t value = sum;
          int8_t q = 0;
          ht_finish(&e, 0, 1, &value, &q, 0);
          const double exact = std::clamp(evaluate_activation(c.function, sum * in) / out - 100, -128.0, 127.0);
          ASSERT_LE(std::abs(q - exact), 1.0) << c.name << " " << sum;
          squares += (q - exact) * (q - exact);
          rounding_squares += (std::nearbyint(exact) - exact) * (std::nearbyint(exact) - exact);
        }
        EXPECT_LT(squares, rounding_squares * 1.2 + 1) << c.name << " " << out;
      }
}

TEST(Activation, LeakyReluIsExact) {
  const EpilogueData data = epilogue(Policy::kFloatHalfEven, {HT_LEAKY_RELU, 0.1f}, 0.01, 0.02, 3);
  const ht_epilogue e = data.view();
  ASSERT_EQ(e.output, HT_OUTPUT_LEAKY);
  for (int32_t sum = -4000; sum < 300; ++sum) {
    int32_t value = sum;
    int8_t q = 0;
    ht_finish(&e, 0, 1, &value, &q, 0);
    const float multiplier =
        sum < 0 ? static_cast<float>(0.01 / 0.02 * static_cast<double>(0.1f)) : static_cast<float>(0.01 / 0.02);
    EXPECT_EQ(q, std::clamp(static_cast<int>(std::nearbyint(static_cast<float>(sum) * multiplier)) + 3, -128, 127));
  }
}

TEST(Activation, RefusesWhatHasNoForm) {
  EXPECT_FALSE(has_activation_form(HT_LOG));
  EXPECT_FALSE(activated_epilogue(Policy::kFixedSingle, 1, {HT_LOG}, {0.1}, {0.1}, {{0}, {-128}, {127}}));
  EXPECT_FALSE(activated_epilogue(Policy::kFixedSingle, 1, {HT_ELU, 9.0f}, {0.1}, {0.1}, {{0}, {-128}, {127}}));
}

}  // namespace
}  // namespace ht::test
