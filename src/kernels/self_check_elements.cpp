// SPDX-License-Identifier: Apache-2.0
// Kernels on elements of any type, those that are addressed by indices, and what samples or normalizes floats.
#include <cmath>

#include "kernels/self_check_pieces.h"

namespace ht::self_check {
namespace {

constexpr int32_t kWidths[] = {4, 1, 1, 1, 2, 2, 4, 8};  // of HT_F32 to HT_I64

ht_broadcast broadcast_of(int32_t size) { return {2, {3, size}, {size, 1}, {0, 1}, {size, 1}}; }

// Elements of a type: small numbers, so that many tie, as bytes.
std::vector<int64_t> elements(Random& random, int32_t type, int64_t count) {
  std::vector<int64_t> words(static_cast<size_t>(count) + 1);
  auto* bytes = reinterpret_cast<uint8_t*>(words.data());
  for (int64_t i = 0; i < count; ++i) {
    const int64_t whole = random.between(-9, 9);
    const auto real = static_cast<float>(whole) / 2;
    const void* from = type == HT_F32 ? static_cast<const void*>(&real) : &whole;
    std::copy_n(static_cast<const uint8_t*>(from), kWidths[type], bytes + i * kWidths[type]);
  }
  return words;
}

struct Axes {
  explicit Axes(Random& random)
      : outer(random.between(1, 7)), n(random.between(1, 100)), inner(random.between(0, 1) ? 1 : random.between(2, 20)) {}
  int64_t size() const { return int64_t{outer} * n * inner; }
  int32_t outer, n, inner;
};

}  // namespace

bool check_binary_int(Random& random) {
  constexpr int32_t kKinds[] = {HT_ADD,  HT_SUB, HT_MUL, HT_DIV, HT_MIN, HT_MAX,   HT_POW,  HT_PRELU,   HT_EQUAL,
                                HT_FMOD, HT_MOD, HT_AND, HT_OR,  HT_XOR, HT_LESS, HT_GREATER, HT_LESS_EQUAL, HT_GREATER_EQUAL};
  const int32_t n = random.between(1, 400), type = random.between(HT_BOOL, HT_I64);
  const auto a = elements(random, type, 3 * n), b = elements(random, type, n);
  for (const int32_t kind : kKinds) {
    const ht_binary_int_params p{kind, type, broadcast_of(n)};
    if (!agree(random, binary_int_kernels(), p, {a.data(), b.data()}, int64_t{24} * n, binary_int_units(p))) return false;
  }
  return true;
}

bool check_compare_f32(Random& random) {
  const int32_t n = random.between(1, 400);
  const auto a = elements(random, HT_F32, 3 * n), b = elements(random, HT_F32, n);
  const ht_compare_f32_params p{random.between(HT_EQUAL, HT_GREATER_EQUAL), broadcast_of(n)};
  return agree(random, compare_f32_kernels(), p, {a.data(), b.data()}, 3 * n, compare_f32_units(p));
}

bool check_unary_int(Random& random) {
  const int32_t count = random.between(1, 2000), type = random.between(HT_BOOL, HT_I64);
  const auto input = elements(random, type, count);
  const ht_unary_int_params p{random.between(HT_INT_CLIP, HT_INT_NOT), type, count, -3, 5};
  return agree(random, unary_int_kernels(), p, {input.data()}, int64_t{8} * count, unary_int_units(p));
}

bool check_cast(Random& random) {
  const int32_t count = random.between(12, 2000), from = random.between(HT_F32, HT_I64);
  auto input = elements(random, from, count);
  constexpr float kSpecial[] = {-0.0f, INFINITY, -INFINITY, NAN, 3e9f, -3e9f, 1e19f, -1e19f, 1e-40f};
  if (from == HT_F32) std::copy(std::begin(kSpecial), std::end(kSpecial), reinterpret_cast<float*>(input.data()));
  for (int32_t to = HT_F32; to <= HT_I64; ++to) {
    const ht_cast_params p{from, to, count};
    if (!agree(random, cast_kernels(), p, {input.data()}, int64_t{8} * count, cast_units(p))) return false;
  }
  return true;
}

bool check_select(Random& random) {
  const int32_t rows = random.between(1, 9), n = random.between(1, 90), bytes = 1 << random.between(0, 3);
  const auto condition = elements(random, HT_BOOL, rows);
  const auto a = random.bytes(int64_t{bytes} * rows * n), b = random.bytes(int64_t{bytes} * n);
  const ht_select_params p{bytes, 2, {rows, n}, {{1, 0}, {n, 1}, {0, 1}}, {n, 1}};
  return agree(random, select_kernels(), p, {condition.data(), a.data(), b.data()}, int64_t{bytes} * rows * n, select_units(p));
}

bool check_reduce_int(Random& random) {
  const Axes axes(random);
  const int32_t type = random.between(HT_BOOL, HT_I64);
  const auto input = elements(random, type, axes.size());
  for (int32_t kind = HT_REDUCE_SUM; kind <= HT_REDUCE_SUM_SQUARE; ++kind) {
    const ht_reduce_int_params p{kind, type, axes.outer, axes.n, axes.inner};
    if (!agree(random, reduce_int_kernels(), p, {input.data()}, int64_t{8} * axes.outer * axes.inner, reduce_int_units(p)))
      return false;
  }
  return true;
}

bool check_positions(Random& random) {
  const int32_t rows = random.between(1, 9), n = random.between(1, 60);
  ht_positions_params p{random.between(0, 1) ? 8 : 4, 2, {rows, n}, {50, 0}, 2, {5, 10}, {10, 1}};
  // Some count from the end, some lie outside.
  const auto indices = elements(random, p.index_bytes == 8 ? HT_I64 : HT_I32, int64_t{2} * rows * n);
  return agree(random, positions_kernels(), p, {indices.data()}, int64_t{4} * rows * n, positions_units(p));
}

bool check_take(Random& random) {
  const ht_take_params p{1 << random.between(0, 3), random.between(1, 3), 30, random.between(1, 60), random.between(1, 40)};
  const auto input = random.bytes(int64_t{p.element_bytes} * (60 + 100 + p.inner));
  const auto positions = random.integers(p.count, 0, 100);
  return agree(random, take_kernels(), p, {input.data(), positions.data()},
               int64_t{p.element_bytes} * p.outer * p.count * p.inner, take_units(p));
}

bool check_put(Random& random) {
  const int32_t type = random.between(HT_F32, HT_I64);
  const ht_put_params p{random.between(HT_PUT_COPY, HT_PUT_MIN), type, random.between(1, 60), random.between(1, 9)};
  const auto updates = elements(random, type, int64_t{p.count} * p.inner);
  const auto positions = random.integers(p.count, 0, 40);
  return agree(random, put_kernels(), p, {updates.data(), positions.data()}, int64_t{8} * (40 + p.inner + 1), put_units(p));
}

bool check_argmax(Random& random) {
  const Axes axes(random);
  const int32_t type = random.between(HT_F32, HT_I64);
  const auto input = elements(random, type, axes.size());
  const ht_argmax_params p{type, axes.outer, axes.n, axes.inner, random.between(0, 1), random.between(0, 1)};
  return agree(random, argmax_kernels(), p, {input.data()}, int64_t{8} * axes.outer * axes.inner, argmax_units(p));
}

bool check_topk(Random& random) {
  const Axes axes(random);
  const int32_t type = random.between(HT_F32, HT_I64), k = random.between(1, axes.n);
  const auto input = elements(random, type, axes.size());
  const ht_topk_params p{type, axes.outer, axes.n, axes.inner, k, random.between(0, 1)};
  return agree(random, topk_kernels(), p, {input.data()}, int64_t{8} * axes.outer * k * axes.inner, topk_units(p));
}

bool check_cumulative(Random& random) {
  const Axes axes(random);
  const int32_t type = random.between(HT_F32, HT_I64);
  const auto input = elements(random, type, axes.size());
  const ht_cumulative_params p{random.between(0, 1), type, axes.outer, axes.n, axes.inner, random.between(0, 1), random.between(0, 1)};
  return agree(random, cumulative_kernels(), p, {input.data()}, 8 * axes.size(), cumulative_units(p));
}

bool check_normalize_f32(Random& random) {
  const ht_normalize_f32_params p{random.between(1, 9), random.between(1, 100), random.between(0, 1), 1e-5f};
  const auto input = random.floats(int64_t{p.rows} * p.n, -3, 5);
  return agree(random, normalize_f32_kernels(), p, {input.data()}, int64_t{4} * p.rows * p.n, normalize_f32_units(p));
}

bool check_sample_f32(Random& random) {
  ht_sample_f32_params p{};
  p.mode = random.between(HT_SAMPLE_NEAREST, HT_SAMPLE_CUBIC);
  p.padding = random.between(HT_SAMPLE_ZEROS, HT_SAMPLE_REFLECTION);
  p.align_corners = random.between(0, 1);
  p.batch = 2;
  p.input_height = random.between(1, 9);
  p.input_width = random.between(1, 9);
  p.channels = random.between(1, 40);
  p.output_height = random.between(1, 9);
  p.output_width = random.between(1, 9);
  const auto input = random.floats(int64_t{2} * p.input_height * p.input_width * p.channels, -9, 9);
  auto grid = random.floats(int64_t{4} * p.output_height * p.output_width, -2.5, 2.5);
  constexpr float kSpecial[] = {NAN, INFINITY, -INFINITY, 1e30f};
  grid[0] = kSpecial[random.between(0, 3)];
  return agree(random, sample_f32_kernels(), p, {input.data(), grid.data()},
               int64_t{8} * p.output_height * p.output_width * p.channels, sample_f32_units(p));
}

bool check_roi_align_f32(Random& random) {
  ht_roi_align_f32_params p{};
  p.index_type = random.between(0, 1) ? HT_I64 : HT_I32;
  p.maximum = random.between(0, 1);
  p.half_pixel = random.between(0, 1);
  p.samples = random.between(0, 3);
  p.scale = 0.5f;
  p.batch = 2;
  p.input_height = random.between(1, 9);
  p.input_width = random.between(1, 9);
  p.channels = random.between(1, 40);
  p.regions = random.between(1, 5);
  p.output_height = random.between(1, 4);
  p.output_width = random.between(1, 4);
  const auto input = random.floats(int64_t{2} * p.input_height * p.input_width * p.channels, -9, 9);
  auto regions = random.floats(int64_t{4} * p.regions, -4, 25);
  constexpr float kSpecial[] = {NAN, INFINITY, -INFINITY, 1e30f};
  regions[0] = kSpecial[random.between(0, 3)];
  const auto pictures = elements(random, p.index_type, p.regions);
  return agree(random, roi_align_f32_kernels(), p, {input.data(), regions.data(), pictures.data()},
               int64_t{4} * p.regions * p.output_height * p.output_width * p.channels, roi_align_f32_units(p));
}

}  // namespace ht::self_check
