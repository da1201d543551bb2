// SPDX-License-Identifier: Apache-2.0
// Every requantization policy against 128-bit integers, which represent float products exactly.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/c/ht_requantize.h"
#include "kernels/epilogue.h"
#include "kernels/tables.h"
#include "random.h"

namespace ht::test {
namespace {

using Wide = __int128;
constexpr int32_t kLimit = 1 << 30;

Wide clamp(Wide x, Wide low, Wide high) { return std::min(std::max(x, low), high); }

Wide floor_divide(Wide a, Wide b) {  // b > 0
  const Wide quotient = a / b;
  return quotient - (a % b < 0 ? 1 : 0);
}

enum class Ties { kEven, kUp, kAway };

// numerator / 2^shift, rounded
Wide round_shift(Wide numerator, int shift, Ties ties) {
  if (shift <= 0) return numerator << -shift;
  const Wide unit = Wide{1} << shift;
  const Wide low = floor_divide(numerator, unit);
  const Wide twice = 2 * (numerator - low * unit);
  if (twice != unit) return low + (twice > unit ? 1 : 0);
  if (ties == Ties::kUp) return low + 1;
  if (ties == Ties::kAway) return numerator < 0 ? low : low + 1;
  return low % 2 == 0 ? low : low + 1;
}

// A float as integer * 2^exponent.
struct Exact {
  int64_t integer;
  int exponent;
};
Exact exact(float x) {
  int exponent = 0;
  const float significand = std::frexp(x, &exponent);
  return {static_cast<int64_t>(std::ldexp(significand, 24)), exponent - 24};
}

std::vector<int32_t> interesting_integers(Random& random) {
  std::vector<int32_t> values{0,
                              1,
                              -1,
                              2,
                              -2,
                              3,
                              -3,
                              127,
                              -128,
                              255,
                              1 << 22,
                              -(1 << 22),
                              (1 << 23) + 1,
                              (1 << 24) + 1,
                              -(1 << 24) - 1,
                              std::numeric_limits<int32_t>::max(),
                              std::numeric_limits<int32_t>::min(),
                              1 << 30,
                              -(1 << 30)};
  for (int i = 0; i < 60; ++i) values.push_back(random.integer(-(1 << random.integer(1, 30)), 1 << random.integer(1, 30)));
  return values;
}

TEST(Requantize, RoundsHalfToEvenWhateverTheSize) {
  Random random(1);
  for (int i = 0; i < 200000; ++i) {
    const float x = static_cast<float>(random.integer(-(1 << 20), 1 << 20)) * 0.25f;
    EXPECT_EQ(ht_round_half_even(x), static_cast<int32_t>(std::nearbyint(x)));
    const float y = static_cast<float>(random.real(-2147483000.0, 2147483000.0));
    EXPECT_EQ(ht_round_half_even(y), static_cast<int32_t>(std::nearbyint(y)));
  }
  for (const float x : {4194304.5f, 4194305.5f, 8388607.5f, 8388606.5f, 8388608.0f, 0.5f, 1.5f, 0.49999997f, 2147483520.0f})
    for (const float y : {x, -x}) EXPECT_EQ(ht_round_half_even(y), static_cast<int32_t>(std::nearbyint(y))) << y;
}

TEST(Requantize, FloatPolicies) {
  Random random(2);
  std::vector<float> multipliers{1.0f, 0.5f, 0.25f, 1.5f, 0.00390625f, 1e-9f, 3.0f};
  for (int i = 0; i < 300; ++i) multipliers.push_back(static_cast<float>(std::exp2(random.real(-20, 2))));
  for (const float m : multipliers)
    for (const int32_t x : interesting_integers(random)) {
      // float(x) and the product are rounded to float; ldexp of exact integers repeats that.
      const Exact product = exact(static_cast<float>(x) * m);
      const auto expected = [&](Ties ties) {
        if (product.exponent > 8) return clamp(product.integer < 0 ? -kLimit : kLimit, -kLimit, kLimit);
        if (product.exponent < -100) return Wide{0};
        return clamp(round_shift(product.integer, -product.exponent, ties), -kLimit, kLimit);
      };
      EXPECT_EQ(ht_requantize_half_even(x, m, -kLimit, kLimit), static_cast<int32_t>(expected(Ties::kEven))) << x << " * " << m;
      EXPECT_EQ(ht_requantize_half_away(x, m, -kLimit, kLimit), static_cast<int32_t>(expected(Ties::kAway))) << x << " * " << m;
    }
}

TEST(Requantize, FixedPolicies) {
  Random random(3);
  for (int i = 0; i < 3000; ++i) {
    const int32_t m = i % 7 == 0 ? 1 << 30 : random.integer(1 << 30, std::numeric_limits<int32_t>::max());
    const int32_t shift = random.integer(-31, 30);
    for (const int32_t x : interesting_integers(random)) {
      const Wide single = clamp(round_shift(Wide{x} * m, 31 - shift, Ties::kUp), -kLimit, kLimit);
      EXPECT_EQ(ht_requantize_single(x, m, shift, -kLimit, kLimit), static_cast<int32_t>(single))
          << x << " " << m << " " << shift;
      const Wide shifted =
          clamp(Wide{x} << std::max(shift, 0), std::numeric_limits<int32_t>::min(), std::numeric_limits<int32_t>::max());
      // gemmlowp: the nudge for negative products is 1 - 2^30 and the division truncates.
      const Wide product = shifted * m;
      const Wide doubled = (product + (product >= 0 ? Wide{1} << 30 : 1 - (Wide{1} << 30))) / (Wide{1} << 31);
      const Wide twice = round_shift(doubled, std::max(-shift, 0), Ties::kAway);
      EXPECT_EQ(ht_requantize_double(x, m, shift, -kLimit, kLimit), static_cast<int32_t>(clamp(twice, -kLimit, kLimit)))
          << x << " " << m << " " << shift;
      const int32_t right = random.integer(1, 55), small = m >> 7;
      EXPECT_EQ(ht_requantize_rndnu(x, small, right, -kLimit, kLimit),
                static_cast<int32_t>(clamp(round_shift(Wide{x} * small, right, Ties::kUp), -kLimit, kLimit)));
      EXPECT_EQ(ht_requantize_shift(x, shift, -kLimit, kLimit),
                static_cast<int32_t>(clamp(round_shift(x, -shift, Ties::kUp), -kLimit, kLimit)));
    }
  }
}

TEST(Requantize, QuantizedMultiplierIsTheNearest) {
  Random random(4);
  for (int i = 0; i < 20000; ++i) {
    const double real = (random.coin() ? 1 : -1) * std::exp2(random.real(-31, 29));
    const auto m = fixed_multiplier(real);
    ASSERT_TRUE(m);
    EXPECT_GE(std::abs(static_cast<int64_t>(m->fixed)), int64_t{1} << 30);
    EXPECT_LE(std::abs(std::ldexp(static_cast<double>(m->fixed), m->shift - 31) - real), std::ldexp(0.5, m->shift - 31));
  }
  EXPECT_EQ(fixed_multiplier(1.0)->fixed, 1 << 30);
  EXPECT_EQ(fixed_multiplier(1.0)->shift, 1);
  EXPECT_EQ(fixed_multiplier(std::nextafter(1.0, 0.0))->fixed, 1 << 30);  // rounds up to the next power of two
  EXPECT_EQ(fixed_multiplier(0.0)->fixed, 0);
  EXPECT_FALSE(fixed_multiplier(std::exp2(31)));
  EXPECT_FALSE(fixed_multiplier(std::numeric_limits<double>::quiet_NaN()));
}

TEST(Requantize, TableRoundsHalfToEvenAndSaturates) {
  const auto table = int8_table([](double x) { return x; }, 0.5, 0, 1.0, 0);
  EXPECT_EQ(table[128 + 1], 0);
  EXPECT_EQ(table[128 + 3], 2);
  EXPECT_EQ(table[128 - 1], 0);
  const auto steep = int8_table([](double x) { return 10 * x; }, 1.0, 3, 1.0, 5);
  EXPECT_EQ(steep[128 + 3], 5);
  EXPECT_EQ(steep[255], 127);
  EXPECT_EQ(steep[0], -128);
}

TEST(Requantize, EpilogueRefusesWhatDoesNotFit) {
  const Int8Output output{{0}, {-128}, {127}};
  EXPECT_FALSE(int8_epilogue(Policy::kFloatHalfEven, 3, {1.0, 2.0}, output));
  EXPECT_FALSE(int8_epilogue(Policy::kFixedSingle, 1, {1e12}, output));
  EXPECT_FALSE(int8_epilogue(Policy::kShiftHalfUp, 1, {0.3}, output));
  EXPECT_FALSE(int8_epilogue(Policy::kFloatHalfEven, 1, {std::numeric_limits<double>::infinity()}, output));
  EXPECT_FALSE(int8_epilogue(Policy::kFloatHalfEven, 3, {0.1}, {{0, 1}, {-128}, {127}}));
  const auto shift = int8_epilogue(Policy::kShiftHalfUp, 2, {0.125, 4.0}, output);
  ASSERT_TRUE(shift);
  EXPECT_EQ(shift->shift, (std::vector<int32_t>{-3, 2}));
}

}  // namespace
}  // namespace ht::test
