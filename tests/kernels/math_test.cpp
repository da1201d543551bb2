// SPDX-License-Identifier: Apache-2.0
// Elementary functions against the C library's in double.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "kernels/c/ht_math.h"
#include "random.h"

namespace ht::test {
namespace {

double ulps(float x, double exact) {
  if (std::isnan(exact)) return std::isnan(x) ? 0 : 1e9;
  const auto nearest = static_cast<float>(exact);
  if (std::isinf(nearest) || std::isinf(x)) return x == nearest ? 0 : 1e9;
  const float magnitude = std::max(std::abs(nearest), std::numeric_limits<float>::min());
  const double unit =
      static_cast<double>(std::nextafter(magnitude, std::numeric_limits<float>::infinity())) - static_cast<double>(magnitude);
  return std::abs(static_cast<double>(x) - exact) / unit;
}

template <class Function, class Exact>
double worst(Function function, Exact exact, double low, double high) {
  Random random(7);
  double result = 0;
  float at = 0;
  for (int i = 0; i < 400000; ++i) {
    const auto x = static_cast<float>(random.real(low, high) * (i % 4 == 0 ? std::exp2(random.real(-20, 0)) : 1.0));
    const double error = ulps(function(x), exact(static_cast<double>(x)));
    if (error > result) result = error, at = x;
  }
  std::printf("  worst %.2f ulp at %.9g\n", result, static_cast<double>(at));
  return result;
}

TEST(Math, ErrorsInUnitsOfTheLastPlace) {
  EXPECT_LT(worst(
                ht_exp, [](double x) { return std::exp(x); }, -110, 89.5),
            2.0);
  EXPECT_LT(worst(
                ht_expm1, [](double x) { return std::expm1(x); }, -20, 20),
            4.0);
  EXPECT_LT(worst(
                ht_log, [](double x) { return std::log(x); }, 0, 10),
            2.0);
  EXPECT_LT(worst(
                ht_log, [](double x) { return std::log(x); }, 0, 1e30),
            2.0);
  EXPECT_LT(worst(
                ht_sigmoid, [](double x) { return 1 / (1 + std::exp(-x)); }, -80, 80),
            3.5);
  EXPECT_LT(worst(
                ht_tanh, [](double x) { return std::tanh(x); }, -12, 12),
            3.0);
  EXPECT_LT(worst(
                ht_erf, [](double x) { return std::erf(x); }, -5, 5),
            3.0);
  EXPECT_LT(worst(
                ht_softplus, [](double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); }, -80, 80),
            3.5);
  EXPECT_LT(worst(
                ht_mish, [](double x) { return x * std::tanh(std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x)))); }, -80, 80),
            5.0);
}

TEST(Math, AnglesOfEverySize) {
  for (const double size : {1.0, 100.0, 1e5, 3e7, 1e9, 1e20, 3e38}) {
    EXPECT_LT(worst(
                  ht_sin, [](double x) { return std::sin(x); }, -size, size),
              0.52);
    EXPECT_LT(worst(
                  ht_cos, [](double x) { return std::cos(x); }, -size, size),
              0.52);
  }
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_TRUE(std::isnan(ht_sin(infinity)) && std::isnan(ht_cos(-infinity)) && std::isnan(ht_sin(NAN)));
}

TEST(Math, RemaindersAreExact) {
  Random random(11);
  auto number = [&] {
    const auto sign = random.coin() ? 1.0f : -1.0f;
    return sign * static_cast<float>(std::exp2(random.real(-149, 127.9)));
  };
  for (int i = 0; i < 200000; ++i) {
    const float x = number(), y = number();
    ASSERT_EQ(ht_bits_of(ht_fmod(x, y)), ht_bits_of(std::fmod(x, y))) << x << " mod " << y;
  }
  EXPECT_TRUE(std::isnan(ht_fmod(1, 0)) && std::isnan(ht_fmod(INFINITY, 1)) && std::isnan(ht_fmod(1, NAN)));
  EXPECT_EQ(ht_fmod(-3, INFINITY), -3.0f);
}

TEST(Math, SpecialValues) {
  const float infinity = std::numeric_limits<float>::infinity();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(ht_exp(-infinity), 0.0f);
  EXPECT_EQ(ht_exp(infinity), infinity);
  EXPECT_TRUE(std::isnan(ht_exp(nan)));
  EXPECT_EQ(ht_log(0.0f), -infinity);
  EXPECT_EQ(ht_log(infinity), infinity);
  EXPECT_TRUE(std::isnan(ht_log(-1.0f)) && std::isnan(ht_log(nan)));
  EXPECT_EQ(ht_tanh(-infinity), -1.0f);
  EXPECT_EQ(ht_erf(infinity), 1.0f);
  EXPECT_TRUE(std::isnan(ht_erf(nan)) && std::isnan(ht_tanh(nan)) && std::isnan(ht_sigmoid(nan)));
  EXPECT_EQ(ht_sigmoid(infinity), 1.0f);
  EXPECT_EQ(ht_sigmoid(-infinity), 0.0f);
}

TEST(Math, RoundingToIntegers) {
  Random random(9);
  for (int i = 0; i < 300000; ++i) {
    const auto x = static_cast<float>(i % 2 ? random.integer(-4000, 4000) * 0.25 : random.real(-3e7, 3e7));
    EXPECT_EQ(ht_rint(x), std::nearbyint(x));
    EXPECT_EQ(ht_floor(x), std::floor(x));
    EXPECT_EQ(ht_ceil(x), std::ceil(x));
  }
}

TEST(Math, PowerIsNearlyCorrectlyRounded) {
  Random random(11);
  for (int i = 0; i < 100000; ++i) {
    const auto x = static_cast<float>(std::exp2(random.real(-20, 20))), y = static_cast<float>(random.real(-4, 4));
    EXPECT_LT(ulps(ht_pow(x, y), std::pow(static_cast<double>(x), static_cast<double>(y))), 0.51) << x << "^" << y;
  }
  const float values[] = {0.0f,
                          -0.0f,
                          1.0f,
                          -1.0f,
                          2.0f,
                          -2.0f,
                          0.5f,
                          3.0f,
                          -3.0f,
                          2.5f,
                          std::numeric_limits<float>::infinity(),
                          -std::numeric_limits<float>::infinity(),
                          std::numeric_limits<float>::quiet_NaN()};
  for (const float x : values)
    for (const float y : values) {
      const float expected = std::pow(x, y), result = ht_pow(x, y);
      EXPECT_TRUE((std::isnan(expected) && std::isnan(result)) || expected == result) << x << "^" << y << " = " << result;
    }
}

// What processors without the instruction compute equals what the others do, bit for bit.
TEST(Math, SquareRootsOfBitsAreCorrectlyRounded) {
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(ht_sqrt_of_bits(infinity), infinity);
  EXPECT_TRUE(std::isnan(ht_sqrt_of_bits(-1.0f)) && std::isnan(ht_sqrt_of_bits(-infinity)));
  EXPECT_TRUE(std::signbit(ht_sqrt_of_bits(-0.0f)) && ht_sqrt_of_bits(-0.0f) == 0);
  constexpr uint32_t kStep = 2003;  // subnormals, both kinds of exponent, and every magnitude
  for (uint32_t bits = 0; bits < 0x7f800000u; bits += kStep) {
    const float x = ht_float_of(bits);
    ASSERT_EQ(ht_bits_of(ht_sqrt_of_bits(x)), ht_bits_of(std::sqrt(x))) << x;
  }
}

}  // namespace
}  // namespace ht::test
