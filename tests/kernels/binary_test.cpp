// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "kernels/registry.h"
#include "kernels/tables.h"
#include "random.h"

namespace ht::test {
namespace {

// A random shape in which each input dimension may be broadcast.
ht_broadcast random_broadcast(Random& random, size_t* a_size, size_t* b_size, size_t* output_size) {
  ht_broadcast s{};
  s.rank = random.integer(1, 4);
  int32_t a = 1, b = 1, o = 1;
  for (int32_t i = s.rank - 1; i >= 0; --i) {
    s.shape[i] = i == s.rank - 1 ? random.integer(1, 300) : random.integer(1, 4);
    const bool a_broadcast = random.integer(0, 4) == 0, b_broadcast = !a_broadcast && random.integer(0, 3) == 0;
    s.a_stride[i] = a_broadcast ? 0 : a;
    s.b_stride[i] = b_broadcast ? 0 : b;
    s.output_stride[i] = o;
    a *= a_broadcast ? 1 : s.shape[i];
    b *= b_broadcast ? 1 : s.shape[i];
    o *= s.shape[i];
  }
  *a_size = static_cast<size_t>(a);
  *b_size = static_cast<size_t>(b);
  *output_size = static_cast<size_t>(o);
  return s;
}

void locate(const ht_broadcast& s, size_t element, size_t* a, size_t* b, size_t* channel) {
  *a = *b = 0;
  *channel = element % static_cast<size_t>(s.shape[s.rank - 1]);
  for (int32_t i = s.rank - 1; i >= 0; --i) {
    const size_t at = element % static_cast<size_t>(s.shape[i]);
    element /= static_cast<size_t>(s.shape[i]);
    *a += at * static_cast<size_t>(s.a_stride[i]);
    *b += at * static_cast<size_t>(s.b_stride[i]);
  }
}

int8_t saturated(double x, int zero_point) { return static_cast<int8_t>(std::clamp(x + zero_point, -128.0, 127.0)); }

TEST(Binary, EqualsItsFormulae) {
  for (uint32_t seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    ht_binary_params p{};
    size_t a_size, b_size, output_size;
    p.shape = random_broadcast(random, &a_size, &b_size, &output_size);
    p.kind = random.integer(HT_ADD, HT_MUL);
    p.policy = random.coin() ? HT_FLOAT_HALF_EVEN : HT_FIXED_SINGLE;
    p.channel_step = random.integer(0, 1);
    const size_t entries = p.channel_step ? static_cast<size_t>(p.shape.shape[p.shape.rank - 1]) : 1;
    const double size = p.kind == HT_MUL ? 0.01 : 1;
    const auto a_ratio = random.floats(entries, 0.1 * size, 1.5 * size), b_ratio = random.floats(entries, 0.1, 1.5);
    std::vector<int32_t> a_fixed, b_fixed, shift;
    for (size_t i = 0; i < entries; ++i) {
      const auto m = *binary_multipliers(p.kind, static_cast<double>(a_ratio[i]), static_cast<double>(b_ratio[i]));
      a_fixed.push_back(m.a_fixed);
      b_fixed.push_back(m.b_fixed);
      shift.push_back(m.shift);
    }
    const auto za = random.bytes(entries), zb = random.bytes(entries), zo = random.bytes(entries);
    const auto a = random.bytes(a_size), b = random.bytes(b_size);
    p.a_ratio = a_ratio.data();
    p.b_ratio = b_ratio.data();
    p.a_fixed = a_fixed.data();
    p.b_fixed = b_fixed.data();
    p.shift = shift.data();
    p.a_zero_point = za.data();
    p.b_zero_point = zb.data();
    p.output_zero_point = zo.data();
    std::vector<int8_t> output(output_size);
    const ht_arguments arguments{{a.data(), b.data()}, output.data(), nullptr};
    const int32_t units = ht_binary_units(&p), middle = random.integer(0, units);
    ht_binary(&p, &arguments, middle, units);
    ht_binary(&p, &arguments, 0, middle);
    for (size_t i = 0; i < output_size; ++i) {
      size_t a_at, b_at, c;
      locate(p.shape, i, &a_at, &b_at, &c);
      c *= static_cast<size_t>(p.channel_step);
      const int x = a[a_at] - za[c], y = b[b_at] - zb[c];
      double expected;
      if (p.policy == HT_FLOAT_HALF_EVEN) {
        const float fx = static_cast<float>(x), fy = static_cast<float>(y);
        const int unsigned_zero = zo[c] + 128;  // ONNX Runtime's, which it adds before it rounds a product
        const float r = p.kind == HT_ADD ? fx * a_ratio[c] + fy * b_ratio[c] : fx * a_ratio[c] - fy * b_ratio[c];
        const float product = fx * fy * a_ratio[c] + static_cast<float>(unsigned_zero);
        expected = p.kind == HT_MUL ? std::nearbyint(product) - unsigned_zero : std::nearbyint(r);
      } else {
        const __int128 sum = p.kind == HT_MUL ? static_cast<__int128>(x * y) * a_fixed[c]
                                              : static_cast<__int128>(x) * a_fixed[c] +
                                                    static_cast<__int128>(p.kind == HT_ADD ? y : -y) * b_fixed[c];
        expected = static_cast<double>(static_cast<int64_t>((sum * 2 + (__int128{1} << (31 - shift[c]))) >> (32 - shift[c])));
      }
      ASSERT_EQ(output[i], saturated(expected, zo[c])) << i;
    }
  }
}

TEST(BinaryF32, EqualsItsFormulae) {
  for (uint32_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    ht_binary_f32_params p{};
    size_t a_size, b_size, output_size;
    p.shape = random_broadcast(random, &a_size, &b_size, &output_size);
    p.kind = random.integer(HT_ADD, HT_PRELU);
    auto a = random.floats(a_size, -3, 3), b = random.floats(b_size, -3, 3);
    for (float& x : a)
      if (p.kind == HT_POW) x = std::abs(x);
    std::vector<float> output(output_size);
    const ht_arguments arguments{{a.data(), b.data()}, output.data(), nullptr};
    ht_binary_f32(&p, &arguments, 0, ht_binary_f32_units(&p));
    for (size_t i = 0; i < output_size; ++i) {
      size_t a_at, b_at, c;
      locate(p.shape, i, &a_at, &b_at, &c);
      const float x = a[a_at], y = b[b_at];
      const float table[] = {x + y,
                             x - y,
                             x * y,
                             x / y,
                             std::min(x, y),
                             std::max(x, y),
                             0,
                             x >= 0 ? x : x * y};
      if (p.kind == HT_POW) {
        ASSERT_NEAR(output[i], std::pow(x, y), 1e-6f * std::abs(std::pow(x, y)));
      } else {
        ASSERT_EQ(output[i], table[p.kind]);
      }
    }
  }
}

}  // namespace
}  // namespace ht::test
