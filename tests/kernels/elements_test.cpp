// SPDX-License-Identifier: Apache-2.0
// Kernels on elements of any type, held against direct restatements.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "kernels/registry.h"
#include "random.h"

namespace ht::test {
namespace {

// Runs a kernel in two pieces.
template <class Params, class Out>
std::vector<Out> run(void (*kernel)(const Params*, const ht_arguments*, int32_t, int32_t), const Params& params,
                     std::vector<const void*> inputs, size_t count, int32_t units, std::vector<Out> start = {}) {
  std::vector<Out> out = start.empty() ? std::vector<Out>(count) : std::move(start);
  std::vector<int64_t> scratch(4096);
  ht_arguments arguments{{}, out.data(), scratch.data()};
  std::copy(inputs.begin(), inputs.end(), arguments.inputs);
  kernel(&params, &arguments, 0, units / 2);
  kernel(&params, &arguments, units / 2, units);
  return out;
}

ht_broadcast row(int32_t n) { return {1, {n}, {1}, {1}, {1}}; }

template <class T>
std::vector<T> combine(int32_t kind, int32_t type, const std::vector<T>& a, const std::vector<T>& b) {
  const auto n = static_cast<int32_t>(a.size());
  const ht_binary_int_params p{kind, type, row(n)};
  return run<ht_binary_int_params, T>(ht_binary_int, p, {a.data(), b.data()}, a.size(), 1);
}

TEST(BinaryInt, WrapsAndTruncates) {
  using Bytes = std::vector<int8_t>;
  EXPECT_EQ(combine<int8_t>(HT_ADD, HT_I8, {100, -128}, {100, -1}), (Bytes{-56, 127}));
  EXPECT_EQ(combine<int8_t>(HT_DIV, HT_I8, {7, -7, -128, 5}, {2, 2, -1, 0}), (Bytes{3, -3, -128, 0}));
  EXPECT_EQ(combine<int8_t>(HT_MOD, HT_I8, {7, -7, 7, -7, 3}, {3, 3, -3, -3, 0}), (Bytes{1, 2, -2, -1, 0}));
  EXPECT_EQ(combine<int8_t>(HT_FMOD, HT_I8, {7, -7, 7, -7}, {3, 3, -3, -3}), (Bytes{1, -1, 1, -1}));
  using Words = std::vector<int64_t>;
  EXPECT_EQ(combine<int64_t>(HT_POW, HT_I64, {3, -2, 2, 5, -1}, {4, 3, -1, 0, -3}), (Words{81, -8, 0, 1, -1}));
  EXPECT_EQ(combine<int64_t>(HT_MUL, HT_I64, {INT64_MAX, INT64_MIN}, {2, -1}), (Words{-2, INT64_MIN}));
  EXPECT_EQ(combine<uint8_t>(HT_XOR, HT_BOOL, {0, 1, 0, 2}, {0, 0, 1, 1}), (std::vector<uint8_t>{0, 1, 1, 0}));
}

TEST(BinaryInt, ComparesIntoBooleans) {
  const std::vector<int32_t> a{1, 2, 3}, b{2, 2, 2};
  const std::pair<int32_t, std::vector<uint8_t>> expected[] = {{HT_EQUAL, {0, 1, 0}},
                                                               {HT_LESS, {1, 0, 0}},
                                                               {HT_GREATER, {0, 0, 1}},
                                                               {HT_LESS_EQUAL, {1, 1, 0}},
                                                               {HT_GREATER_EQUAL, {0, 1, 1}}};
  const std::vector<float> x(a.begin(), a.end()), y(b.begin(), b.end());
  for (const auto& [kind, flags] : expected) {
    const ht_binary_int_params p{kind, HT_I32, row(3)};
    EXPECT_EQ((run<ht_binary_int_params, uint8_t>(ht_binary_int, p, {a.data(), b.data()}, 3, 1)), flags);
    const ht_compare_f32_params f{kind, row(3)};
    EXPECT_EQ((run<ht_compare_f32_params, uint8_t>(ht_compare_f32, f, {x.data(), y.data()}, 3, 1)), flags);
  }
}

TEST(Cast, SaturatesFloatsAndWrapsIntegers) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const std::vector<float> x{1.9f, -1.9f, 300, -300, kInfinity, -kInfinity, NAN, 0.1f};
  const auto count = static_cast<int32_t>(x.size());
  auto cast = [&](auto to, int32_t type) {
    const ht_cast_params p{HT_F32, type, count};
    return run<ht_cast_params, decltype(to)>(ht_cast, p, {x.data()}, x.size(), 1);
  };
  EXPECT_EQ(cast(int8_t{}, HT_I8), (std::vector<int8_t>{1, -1, 127, -128, 127, -128, 0, 0}));
  EXPECT_EQ(cast(uint8_t{}, HT_U8), (std::vector<uint8_t>{1, 0, 255, 0, 255, 0, 0, 0}));
  EXPECT_EQ(cast(uint8_t{}, HT_BOOL), (std::vector<uint8_t>{1, 1, 1, 1, 1, 1, 1, 1}));
  EXPECT_EQ(cast(int64_t{}, HT_I64), (std::vector<int64_t>{1, -1, 300, -300, INT64_MAX, INT64_MIN, 0, 0}));
  const std::vector<int64_t> wide{258, -1, (int64_t{1} << 53) + 1};
  const ht_cast_params narrow{HT_I64, HT_U8, 3}, real{HT_I64, HT_F32, 3};
  EXPECT_EQ((run<ht_cast_params, uint8_t>(ht_cast, narrow, {wide.data()}, 3, 1)), (std::vector<uint8_t>{2, 255, 1}));
  EXPECT_EQ((run<ht_cast_params, float>(ht_cast, real, {wide.data()}, 3, 1)), (std::vector<float>{258, -1, 0x1p53f}));
}

TEST(Select, Broadcasts) {
  const std::vector<uint8_t> condition{1, 0};
  const std::vector<int64_t> a{1, 2, 3, 4, 5, 6}, b{-1, -2, -3};
  const ht_select_params p{8, 2, {2, 3}, {{1, 0}, {3, 1}, {0, 1}}, {3, 1}};
  EXPECT_EQ((run<ht_select_params, int64_t>(ht_select, p, {condition.data(), a.data(), b.data()}, 6, 2)),
            (std::vector<int64_t>{1, 2, 3, -1, -2, -3}));
}

TEST(ReduceInt, OfEachKind) {
  const std::vector<int32_t> x{3, -5, 7, 2, 2, 2};
  const std::pair<int32_t, std::vector<int32_t>> expected[] = {{HT_REDUCE_SUM, {5, 6}},  {HT_REDUCE_MEAN, {1, 2}}, {HT_REDUCE_MAX, {7, 2}},
                                                               {HT_REDUCE_MIN, {-5, 2}}, {HT_REDUCE_PROD, {-105, 8}}, {HT_REDUCE_L1, {15, 6}},
                                                               {HT_REDUCE_SUM_SQUARE, {83, 12}}};
  for (const auto& [kind, sums] : expected) {
    const ht_reduce_int_params p{kind, HT_I32, 2, 3, 1};
    EXPECT_EQ((run<ht_reduce_int_params, int32_t>(ht_reduce_int, p, {x.data()}, 2, 2)), sums) << kind;
  }
}

TEST(Positions, CountFromTheEndAndClamp) {
  const std::vector<int64_t> tuples{0, 1, -1, -1, 9, -9};
  const ht_positions_params p{8, 2, {1, 3}, {100, 0}, 2, {3, 4}, {4, 1}};
  EXPECT_EQ((run<ht_positions_params, int32_t>(ht_positions, p, {tuples.data()}, 3, 1)), (std::vector<int32_t>{1, 11, 8}));
}

TEST(TakeAndPut, MoveRows) {
  const std::vector<float> x{0, 1, 2, 3, 4, 5};
  const std::vector<int32_t> positions{4, 0, 4};
  const ht_take_params take{4, 1, 0, 3, 2}, outer{4, 2, 1, 3, 1};
  EXPECT_EQ((run<ht_take_params, float>(ht_take, take, {x.data(), positions.data()}, 6, 3)), (std::vector<float>{4, 5, 0, 1, 4, 5}));
  EXPECT_EQ((run<ht_take_params, float>(ht_take, outer, {x.data(), positions.data()}, 6, 6)), (std::vector<float>{4, 0, 4, 5, 1, 5}));
  const std::vector<float> updates{1, 2, 3, 4, 5, 6};
  const std::pair<int32_t, std::vector<float>> expected[] = {{HT_PUT_COPY, {3, 4, 2, 3, 5, 6}},
                                                             {HT_PUT_ADD, {3, 5, 2, 3, 10, 13}},
                                                             {HT_PUT_MUL, {0, 4, 2, 3, 20, 60}},
                                                             {HT_PUT_MAX, {3, 4, 2, 3, 5, 6}},
                                                             {HT_PUT_MIN, {0, 1, 2, 3, 1, 2}}};
  for (const auto& [reduction, made] : expected) {
    const ht_put_params p{reduction, HT_F32, 3, 2};
    EXPECT_EQ((run<ht_put_params, float>(ht_put, p, {updates.data(), positions.data()}, 6, 1, x)), made) << reduction;
  }
}

TEST(ArgMax, TakesTheFirstOrTheLast) {
  const std::vector<float> x{1, 5, 5, -2, -2, 0, -0.0f};
  for (const int32_t smallest : {0, 1})
    for (const int32_t last : {0, 1}) {
      const ht_argmax_params p{HT_F32, 1, 6, 1, smallest, last};
      EXPECT_EQ((run<ht_argmax_params, int64_t>(ht_argmax, p, {x.data()}, 1, 1)[0]), (smallest ? 3 : 1) + last);
    }
}

TEST(TopK, IsTheBeginningOfAStableSort) {
  for (uint32_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const int32_t n = random.integer(1, 60), k = random.integer(1, n), inner = random.integer(1, 3), smallest = random.integer(0, 1);
    std::vector<float> x = random.floats(static_cast<size_t>(2 * n * inner), -4, 4);
    for (float& value : x) value = std::round(value);  // many are equal, some zeros are negative
    const ht_topk_params p{HT_F32, 2, n, inner, k, smallest};
    const auto out = run<ht_topk_params, int64_t>(ht_topk, p, {x.data()}, static_cast<size_t>(2 * k * inner), 2 * inner);
    for (int32_t unit = 0; unit < 2 * inner; ++unit) {
      const float* first = x.data() + unit / inner * n * inner + unit % inner;
      std::vector<int64_t> order(static_cast<size_t>(n));
      std::iota(order.begin(), order.end(), 0);
      std::ranges::stable_sort(order, [&](int64_t a, int64_t b) {
        return smallest ? first[a * inner] < first[b * inner] : first[a * inner] > first[b * inner];
      });
      for (int32_t i = 0; i < k; ++i)
        ASSERT_EQ(out[static_cast<size_t>(unit / inner * k * inner + i * inner + unit % inner)], order[static_cast<size_t>(i)]);
    }
  }
}

TEST(Cumulative, BothWays) {
  const std::vector<int64_t> x{1, 2, 3, 4};
  auto sums = [&](int32_t product, int32_t exclusive, int32_t reverse) {
    const ht_cumulative_params p{product, HT_I64, 1, 4, 1, exclusive, reverse};
    return run<ht_cumulative_params, int64_t>(ht_cumulative, p, {x.data()}, 4, 1);
  };
  EXPECT_EQ(sums(0, 0, 0), (std::vector<int64_t>{1, 3, 6, 10}));
  EXPECT_EQ(sums(0, 1, 0), (std::vector<int64_t>{0, 1, 3, 6}));
  EXPECT_EQ(sums(0, 1, 1), (std::vector<int64_t>{9, 7, 4, 0}));
  EXPECT_EQ(sums(1, 0, 1), (std::vector<int64_t>{24, 24, 12, 4}));
}

TEST(NormalizeF32, EqualsItsDefinition) {
  Random random(3);
  const auto x = random.floats(3 * 37, -2, 5);
  for (const int32_t subtract : {0, 1}) {
    const ht_normalize_f32_params p{3, 37, subtract, 0.01f};
    const auto out = run<ht_normalize_f32_params, float>(ht_normalize_f32, p, {x.data()}, x.size(), 3);
    for (size_t r = 0; r < 3; ++r) {
      double mean = 0, variance = 0;
      for (size_t i = 0; i < 37; ++i) mean += subtract ? static_cast<double>(x[r * 37 + i]) / 37 : 0;
      for (size_t i = 0; i < 37; ++i) variance += std::pow(static_cast<double>(x[r * 37 + i]) - mean, 2) / 37;
      for (size_t i = 0; i < 37; ++i)
        EXPECT_NEAR(out[r * 37 + i], (static_cast<double>(x[r * 37 + i]) - mean) / std::sqrt(variance + 0.01), 1e-5);
    }
  }
}

TEST(SampleF32, InterpolatesAndPads) {
  const std::vector<float> x{0, 1, 2, 3};  // two rows, two columns
  const std::vector<float> grid{0, 0, -1, -1, 1, 1, -3, 0, NAN, 0};
  auto sample = [&](int32_t mode, int32_t padding, int32_t align) {
    const ht_sample_f32_params p{mode, padding, align, 1, 2, 2, 1, 1, 5};
    return run<ht_sample_f32_params, float>(ht_sample_f32, p, {x.data(), grid.data()}, 5, 1);
  };
  EXPECT_EQ(sample(HT_SAMPLE_LINEAR, HT_SAMPLE_ZEROS, 1), (std::vector<float>{1.5f, 0, 3, 0, 0}));
  EXPECT_EQ(sample(HT_SAMPLE_LINEAR, HT_SAMPLE_ZEROS, 0), (std::vector<float>{1.5f, 0, 0.75f, 0, 0}));
  EXPECT_EQ(sample(HT_SAMPLE_LINEAR, HT_SAMPLE_BORDER, 0), (std::vector<float>{1.5f, 0, 3, 1, 1}));
  EXPECT_EQ(sample(HT_SAMPLE_NEAREST, HT_SAMPLE_BORDER, 1), (std::vector<float>{0, 0, 3, 0, 0}));
}

TEST(RoiAlignF32, TakesMeansAndMaximaOfCells) {
  const std::vector<float> x{0, 1, 2, 3};                                                // two rows, two columns
  const std::vector<float> regions{0.5f, 0.5f, 1.5f, 1.5f, 9, 9, 12, 12, NAN, 0, 1, 1};  // the middle, outside, nowhere
  const std::vector<int64_t> pictures{0, 7, 0};
  auto align = [&](int32_t maximum, int32_t half_pixel, int32_t samples) {
    const ht_roi_align_f32_params p{HT_I64, maximum, half_pixel, samples, 1, 1, 2, 2, 1, 3, 1, 1};
    return run<ht_roi_align_f32_params, float>(ht_roi_align_f32, p, {x.data(), regions.data(), pictures.data()}, 3, 3);
  };
  EXPECT_EQ(align(0, 1, 1), (std::vector<float>{1.5f, 0, 0}));
  EXPECT_EQ(align(0, 1, 2), (std::vector<float>{1.5f, 0, 0}));
  EXPECT_EQ(align(0, 1, 0), (std::vector<float>{1.5f, 0, 0}));
  EXPECT_EQ(align(0, 0, 1), (std::vector<float>{3, 0, 0}));     // the middle is the last pixel
  EXPECT_EQ(align(1, 1, 1), (std::vector<float>{0.75f, 0, 0}));  // 3 counts for a quarter
}

}  // namespace
}  // namespace ht::test
