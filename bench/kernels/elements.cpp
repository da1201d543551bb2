// SPDX-License-Identifier: Apache-2.0
// What has nothing to multiply with weights: its measure is the memory that it goes through.
#include "call.h"
#include "kernels/tables.h"

namespace ht::bench {
namespace {

// A map in the middle of a detector.
constexpr int32_t kSide = 52, kChannels = 64, kPixels = kSide * kSide, kCount = kPixels * kChannels;
constexpr const char* kMap = "52x52x64";

ht_broadcast elementwise() { return {1, {kCount}, {1}, {1}, {1}}; }

void add_binary(Arrays& arrays, int32_t kind, const std::string& name) {
  ht_binary_params p{};
  p.kind = kind;
  p.policy = HT_FLOAT_HALF_EVEN;
  p.shape = elementwise();
  p.a_ratio = p.b_ratio = arrays.floats(1, 0.4, 0.6);
  p.a_zero_point = p.b_zero_point = p.output_zero_point = arrays.bytes(1);
  add(binary_kernels(),
      {name + "/" + kMap, p, {arrays.bytes(kCount), arrays.bytes(kCount)}, kCount, binary_units(p), moves(3 * kCount)});
}

void add_binary_f32(Arrays& arrays, int32_t kind, const std::string& name) {
  const ht_binary_f32_params p{kind, elementwise()};
  add(binary_f32_kernels(), {name + "/" + kMap,
                             p,
                             {arrays.floats(kCount, -2, 2), arrays.floats(kCount, -2, 2)},
                             4 * kCount,
                             binary_f32_units(p),
                             moves(12 * kCount)});
}

void add_table(Arrays& arrays, bool a_channel) {
  const ht_table_params p{kPixels,   kChannels,           kChannels,
                          kChannels, a_channel ? 256 : 0, arrays.bytes(a_channel ? 256 * kChannels : 256)};
  add(table_kernels(), {std::string(a_channel ? "a_channel/" : "one/") + kMap,
                        p,
                        {arrays.bytes(kCount)},
                        kCount,
                        table_units(p),
                        moves(2 * kCount)});
}

void add_conversions(Arrays& arrays, int32_t rows, int32_t channels) {
  const ht_convert_params p{rows, channels, channels, channels, 0, 0, arrays.floats(1, 0.02, 0.03), arrays.bytes(1)};
  const int32_t count = rows * channels;
  const std::string name = std::to_string(rows) + "x" + std::to_string(channels);
  add(quantize_kernels(), {name, p, {arrays.floats(count, -3, 3)}, count, quantize_units(p), moves(5 * count)});
  add(dequantize_kernels(), {name, p, {arrays.bytes(count)}, 4 * int64_t{count}, dequantize_units(p), moves(5 * count)});
}

void add_copies(Arrays& arrays) {
  const ht_copy_params piece{1, 2, {kPixels, kChannels}, {kChannels, 1}, {2 * kChannels, 1}, 0, kChannels};
  add(copy_kernels(),
      {std::string("into_wider/") + kMap, piece, {arrays.bytes(kCount)}, 2 * kCount, copy_units(piece), moves(2 * kCount)});
  for (const int32_t width : {1, 4}) {
    const ht_copy_params turned{width, 2, {kPixels, kChannels}, {1, kPixels}, {kChannels, 1}, 0, 0};
    add(copy_kernels(), {"transpose" + std::to_string(8 * width) + "/" + kMap,
                         turned,
                         {arrays.bytes(int64_t{width} * kCount)},
                         int64_t{width} * kCount,
                         copy_units(turned),
                         moves(int64_t{2} * width * kCount)});
  }
}

// Nearest neighbours, twice as many of them.
void add_resample(Arrays& arrays) {
  std::vector<int32_t> nearest(kSide);
  for (int32_t i = 0; i < kSide; ++i) nearest[static_cast<size_t>(i)] = i / 2;
  const ht_resample_axis axis{1, arrays.keep(std::move(nearest)).data(), nullptr, nullptr};
  const ht_resample_params p{1, kSide / 2, kSide / 2, kChannels, kChannels, kSide, kSide, kChannels, axis, axis};
  add(resample_kernels(),
      {std::string("nearest/") + kMap, p, {arrays.bytes(kCount / 4)}, kCount, resample_units(p), moves(kCount / 4 + kCount)});
}

void add_softmax(Arrays& arrays) {
  constexpr int32_t kRows = 197;
  constexpr int64_t kSize = kRows * kRows;
  const auto& exponentials = arrays.keep(softmax_exponentials(0.05));
  const ht_softmax_params p{kRows, kRows, 1, exponentials.data(), 8, -128};
  add(softmax_kernels(), {"197x197", p, {arrays.bytes(kSize)}, kSize, softmax_units(p), moves(2 * kSize)});
  const ht_softmax_f32_params f{kRows, kRows, 1, 0};
  add(softmax_f32_kernels(), {"197x197", f, {arrays.floats(kSize, -5, 5)}, 4 * kSize, softmax_f32_units(f), moves(8 * kSize)});
}

void add_unary_f32(Arrays& arrays, int32_t kind, const std::string& name) {
  const ht_unary_f32_params p{kind, kCount, 0, 0};
  add(unary_f32_kernels(),
      {name + "/" + kMap, p, {arrays.floats(kCount, -5, 5)}, 4 * kCount, unary_f32_units(p), moves(8 * kCount)});
}

}  // namespace

void add_elements(Arrays& arrays) {
  add_binary(arrays, HT_ADD, "add");
  add_binary(arrays, HT_MUL, "mul");
  add_binary_f32(arrays, HT_ADD, "add");
  add_table(arrays, false);
  add_table(arrays, true);
  add_conversions(arrays, 416 * 416, 3);
  add_conversions(arrays, kPixels, kChannels);
  add_copies(arrays);
  add_resample(arrays);
  add_softmax(arrays);
  add_unary_f32(arrays, HT_SIGMOID, "sigmoid");
  add_unary_f32(arrays, HT_SILU, "silu");
}

}  // namespace ht::bench
