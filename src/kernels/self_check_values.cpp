// SPDX-License-Identifier: Apache-2.0
// Kernels that take values one by one, move them, or reduce an axis.
#include <cmath>

#include "kernels/self_check_pieces.h"
#include "kernels/tables.h"

namespace ht::self_check {
namespace {

ht_broadcast some_broadcast(int32_t size) { return {2, {3, size}, {size, 1}, {0, 1}, {size, 1}}; }

struct ConvertData {
  explicit ConvertData(Random& random)
      : channels(random.between(1, 100)),
        scale(random.floats(channels, 0.01, 1)),
        zero_point(random.bytes(channels)),
        params{7, channels, channels, channels, random.between(0, 1), 0, scale.data(), zero_point.data()} {}
  int32_t channels;
  std::vector<float> scale;
  std::vector<int8_t> zero_point;
  ht_convert_params params;
};

// Random positions with weights of any sign, whose sums are small enough for the integer kernel.
struct AxisData {
  AxisData(Random& random, int32_t input, int32_t output)
      : taps(random.between(1, 4)),
        index(random.integers(output * taps, 0, input - 1)),
        weight(random.floats(output * taps, -0.5 / taps, 1.5 / taps)) {
    for (float value : weight) fixed.push_back(static_cast<int16_t>(value * (1 << HT_RESAMPLE_BITS)));
  }
  ht_resample_axis view() const { return {taps, index.data(), fixed.data(), weight.data()}; }
  int32_t taps;
  std::vector<int32_t> index;
  std::vector<float> weight;
  std::vector<int16_t> fixed;
};

struct ResampleData {
  explicit ResampleData(Random& random)
      : params{1,
               random.between(1, 9),
               random.between(1, 9),
               random.between(1, 80),
               0,
               random.between(1, 12),
               random.between(1, 12),
               0,
               {},
               {}},
        y(random, params.input_height, params.output_height),
        x(random, params.input_width, params.output_width) {
    params.input_stride = params.channels + random.between(0, 3);
    params.output_stride = params.channels + random.between(0, 3);
    params.y = y.view();
    params.x = x.view();
  }
  int64_t input_size() const { return int64_t{params.input_height} * params.input_width * params.input_stride; }
  int64_t output_size() const { return int64_t{params.output_height} * params.output_width * params.output_stride; }
  ht_resample_params params;
  AxisData y, x;
};

// Numbers along the middle axis; the innermost axis is often 1, which kernels treat apart.
struct Axes {
  explicit Axes(Random& random)
      : outer(random.between(1, 7)), n(random.between(1, 100)), inner(random.between(0, 1) ? 1 : random.between(2, 20)) {}
  int64_t size() const { return int64_t{outer} * n * inner; }
  int32_t outer, n, inner;
};

int32_t some_width(Random& random) { return 1 << random.between(0, 3); }

}  // namespace

bool check_binary(Random& random) {
  const int32_t n = random.between(1, 400);
  const auto a = random.bytes(3 * n), b = random.bytes(n), zero_points = random.bytes(n);
  const auto ratio = random.floats(n, 0.001, 1);
  const auto fixed = random.integers(n, 1 << 29, 1 << 30), shift = random.integers(n, -8, 1);
  ht_binary_params p{};
  p.kind = random.between(HT_ADD, HT_MUL);
  p.policy = random.between(0, 1) ? HT_FIXED_SINGLE : HT_FLOAT_HALF_EVEN;
  p.shape = some_broadcast(n);
  p.channel_step = random.between(0, 1);
  p.a_ratio = p.b_ratio = ratio.data();
  p.a_fixed = p.b_fixed = fixed.data();
  p.shift = shift.data();
  p.a_zero_point = p.b_zero_point = p.output_zero_point = zero_points.data();
  return agree(random, binary_kernels(), p, {a.data(), b.data()}, 3 * n, binary_units(p));
}

bool check_binary_f32(Random& random) {
  const int32_t n = random.between(1, 400);
  const auto a = random.floats(3 * n, -20, 20), b = random.floats(n, -3, 3);
  ht_binary_f32_params p{};
  p.kind = random.between(HT_ADD, HT_DIV);
  p.shape = some_broadcast(n);
  return agree(random, binary_f32_kernels(), p, {a.data(), b.data()}, 12 * n, binary_f32_units(p));
}

bool check_unary_f32(Random& random) {
  auto input = random.floats(random.between(20, 3000), -100, 100);
  constexpr float kSpecial[] = {0.0f, -0.0f, INFINITY, -INFINITY, NAN, 1e-40f, 3e38f, 0.5f, -0.5f};
  std::copy(std::begin(kSpecial), std::end(kSpecial), input.begin() + random.between(0, 8));
  for (int32_t kind = HT_IDENTITY; kind <= HT_COS; ++kind) {
    const ht_unary_f32_params p{kind, static_cast<int32_t>(input.size()), 0.3f, 1.1f};
    if (!agree(random, unary_f32_kernels(), p, {input.data()}, int64_t{p.count} * 4, unary_f32_units(p))) return false;
  }
  return true;
}

bool check_table(Random& random) {
  const int32_t channels = random.between(1, 100);
  const auto table = random.bytes(256 * channels), input = random.bytes(7 * channels);
  const ht_table_params p{7, channels, channels, channels, random.between(0, 1) * 256, table.data()};
  return agree(random, table_kernels(), p, {input.data()}, 7 * channels, table_units(p));
}

bool check_quantize(Random& random) {
  const ConvertData data(random);
  const auto input = random.floats(7 * data.channels, -50, 50);
  if (!agree(random, quantize_kernels(), data.params, {input.data()}, 7 * data.channels, quantize_units(data.params))) return false;
  ht_convert_params photo = data.params;
  photo.rows = photo.plane = random.between(1, 200);
  photo.channels = photo.output_stride = std::min(data.channels, 3);
  photo.input_stride = 1;
  const auto planes = random.floats(photo.channels * photo.plane, -50, 50);
  return agree(random, quantize_kernels(), photo, {planes.data()}, photo.channels * photo.rows, quantize_units(photo));
}

bool check_dequantize(Random& random) {
  const ConvertData data(random);
  const auto input = random.bytes(7 * data.channels);
  return agree(random, dequantize_kernels(), data.params, {input.data()}, 28 * data.channels, dequantize_units(data.params));
}

bool check_quantize_s16(Random& random) {
  const ConvertData data(random);
  const auto input = random.floats(7 * data.channels, -50, 50);
  const auto zero_point = random.shorts(data.channels);
  const ht_convert_s16_params p{data.params, zero_point.data()};
  return agree(random, quantize_s16_kernels(), p, {input.data()}, 14 * data.channels, quantize_s16_units(p));
}

bool check_dequantize_s16(Random& random) {
  const ConvertData data(random);
  const auto input = random.shorts(7 * data.channels), zero_point = random.shorts(data.channels);
  const ht_convert_s16_params p{data.params, zero_point.data()};
  return agree(random, dequantize_s16_kernels(), p, {input.data()}, 28 * data.channels, dequantize_s16_units(p));
}

bool check_copy(Random& random) {
  const int32_t bytes = some_width(random), rows = random.between(1, 20), columns = random.between(1, 90);
  const bool transposed = random.between(0, 1) != 0, mirrored = random.between(0, 1) != 0;
  const auto input = random.bytes(int64_t{bytes} * rows * columns);
  ht_copy_params p{bytes, 2, {rows, columns}, {columns, 1}, {columns + 1, 1}, 0, 1};
  if (transposed) p.input_stride[0] = 1, p.input_stride[1] = rows;
  if (mirrored) {
    p.input_offset = (columns - 1) * p.input_stride[1];
    p.input_stride[1] = -p.input_stride[1];
  }
  return agree(random, copy_kernels(), p, {input.data()}, int64_t{bytes} * (rows * (columns + 1) + 1), copy_units(p));
}

bool check_fill(Random& random) {
  const int32_t bytes = some_width(random), rows = random.between(1, 20), columns = random.between(1, 90);
  const auto values = random.bytes(int64_t{bytes} * columns);
  const ht_fill_params p{bytes, 2, {rows, columns}, {columns + 2, 1}, 1, random.between(0, 1), values.data()};
  return agree(random, fill_kernels(), p, {}, int64_t{bytes} * (rows * (columns + 2) + 1), fill_units(p));
}

bool check_gather(Random& random) {
  ht_gather_params p{some_width(random),    random.between(1, 4),  random.between(1, 30),
                     random.between(1, 40), random.between(1, 50), nullptr};
  const auto input = random.bytes(int64_t{p.element_bytes} * p.outer * p.axis * p.inner);
  // Some count from the end, some lie outside.
  const auto indices = random.integers(p.count, -p.axis - 3, p.axis + 3);
  if (random.between(0, 1)) p.indices = indices.data();
  return agree(random, gather_kernels(), p, {input.data(), indices.data()},
               int64_t{p.element_bytes} * p.outer * p.count * p.inner, gather_units(p));
}

bool check_resample(Random& random) {
  const ResampleData data(random);
  const auto input = random.bytes(data.input_size());
  return agree(random, resample_kernels(), data.params, {input.data()}, data.output_size(), resample_units(data.params));
}

bool check_resample_f32(Random& random) {
  const ResampleData data(random);
  const auto input = random.floats(data.input_size(), -9, 9);
  return agree(random, resample_f32_kernels(), data.params, {input.data()}, data.output_size() * 4,
               ht_resample_f32_units(&data.params));
}

bool check_softmax(Random& random) {
  const Axes axes(random);
  const auto input = random.bytes(axes.size());
  const auto exponentials = softmax_exponentials(random.real(0.01, 0.3));
  const ht_softmax_params p{axes.outer, axes.n, axes.inner, exponentials.data(), random.between(7, 8), -128};
  return agree(random, softmax_kernels(), p, {input.data()}, axes.size(), softmax_units(p));
}

bool check_softmax_f32(Random& random) {
  const Axes axes(random);
  const auto input = random.floats(axes.size(), -30, 30);
  const ht_softmax_f32_params p{axes.outer, axes.n, axes.inner, random.between(0, 1)};
  return agree(random, softmax_f32_kernels(), p, {input.data()}, axes.size() * 4, softmax_f32_units(p));
}

bool check_reduce_f32(Random& random) {
  const Axes axes(random);
  const auto input = random.floats(axes.size(), -2, 3);
  for (int32_t kind = HT_REDUCE_SUM; kind <= HT_REDUCE_LOG_SUM_EXP; ++kind) {
    const ht_reduce_f32_params p{kind, axes.outer, axes.n, axes.inner};
    if (!agree(random, reduce_f32_kernels(), p, {input.data()}, int64_t{axes.outer} * axes.inner * 4, reduce_f32_units(p)))
      return false;
  }
  return true;
}

}  // namespace ht::self_check
