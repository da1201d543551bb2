// SPDX-License-Identifier: Apache-2.0
#include "kernels/self_check.h"

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <vector>

#include "kernels/epilogue.h"
#include "kernels/registry.h"

namespace ht {
namespace {

constexpr uint64_t kRounds = 40;

class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}
  // The standard's distributions differ between libraries; the engine's bits do not.
  int32_t between(int32_t low, int32_t high) {
    return static_cast<int32_t>(low + static_cast<int64_t>(engine_() % static_cast<uint64_t>(int64_t{high} - low + 1)));
  }
  double real(double low, double high) { return low + (high - low) * static_cast<double>(engine_() >> 11) * 0x1p-53; }
  std::vector<int8_t> bytes(int64_t count) {
    std::vector<int8_t> values(static_cast<size_t>(count));
    for (int8_t& value : values) value = static_cast<int8_t>(between(-128, 127));
    return values;
  }
  std::vector<int32_t> integers(int64_t count, int32_t low, int32_t high) {
    std::vector<int32_t> values(static_cast<size_t>(count));
    for (int32_t& value : values) value = between(low, high);
    return values;
  }
  std::vector<float> floats(int64_t count, double low, double high) {
    std::vector<float> values(static_cast<size_t>(count));
    for (float& value : values) value = static_cast<float>(real(low, high));
    return values;
  }

 private:
  std::mt19937_64 engine_;
};

struct Free {
  void operator()(void* memory) const { std::free(memory); }
};
std::unique_ptr<void, Free> aligned_memory(size_t bytes) {
  constexpr size_t kAlignment = 64;
  return std::unique_ptr<void, Free>(std::aligned_alloc(kAlignment, (bytes / kAlignment + 1) * kAlignment));
}

// Each variant in two pieces that meet somewhere in the middle.
template <class Params>
bool agree(Random& random, std::span<const Kernel<Params>> kernels, Params params, std::vector<const void*> inputs, int64_t output_bytes,
           int32_t units) {
  std::vector<uint8_t> expected;
  const int32_t middle = random.between(0, units);
  for (size_t i = kernels.size(); i-- > 0;) {
    const Kernel<Params>& kernel = kernels[i];
    if (!isa_usable(kernel.isa, Isa::kBest) || (kernel.accepts && !kernel.accepts(params))) continue;
    std::vector<uint8_t> output(static_cast<size_t>(output_bytes), 0x55);
    const auto scratch = aligned_memory(kernel.scratch_bytes(params)), packed = aligned_memory(kernel.packed_bytes(params));
    if constexpr (requires { params.packed; }) {
      params.packed = packed.get();
      if (kernel.pack) kernel.pack(&params, packed.get());
    }
    ht_arguments arguments{{}, output.data(), scratch.get()};
    std::copy(inputs.begin(), inputs.end(), arguments.inputs);
    kernel.run(&params, &arguments, 0, middle);
    kernel.run(&params, &arguments, middle, units);
    if (expected.empty()) expected = output;
    if (output != expected) return false;
  }
  return true;
}

EpilogueData some_epilogue(Random& random, int32_t channels, int32_t depth) {
  static constexpr Policy kPolicies[] = {Policy::kFloatHalfEven, Policy::kFixedSingle, Policy::kFixedDouble};
  const Policy policy = kPolicies[random.between(0, 2)];
  std::vector<double> in, out, ratio;
  for (int32_t c = 0; c < channels; ++c) {
    in.push_back(random.real(0.1, 2) * 0.001 / std::sqrt(depth));
    out.push_back(random.real(0.01, 0.1));
    ratio.push_back(in.back() / out.back());
  }
  const Int8Output output{random.bytes(channels), {static_cast<int8_t>(random.between(-128, -100))}, {127}};
  const int32_t form = random.between(0, 2);
  auto data = form == 0   ? activated_epilogue(policy, channels, {random.between(0, 1) ? HT_SILU : HT_SIGMOID}, in, out, output)
              : form == 1 ? float_epilogue(channels, in)
                          : int8_epilogue(policy, channels, ratio, output);
  // Within the ranges above every ratio has its integers.
  return data ? *std::move(data) : EpilogueData{};
}

int64_t element_bytes(const EpilogueData& data) { return data.output == HT_OUTPUT_F32 ? 4 : 1; }

// What convolutions have in common; groups or multipliers are the caller's.
template <class Params>
void choose_window(Random& random, Params& p, int32_t channels, int32_t outputs) {
  p.batch = 1;
  p.input_height = random.between(1, 7);
  p.input_width = random.between(1, 18);
  p.input_stride = channels;
  p.output_stride = outputs;
  p.kernel_height = p.kernel_width = random.between(0, 1) * 2 + 1;
  p.stride_height = p.stride_width = random.between(1, 2);
  p.dilation_height = p.dilation_width = 1;
  p.pad_top = p.pad_left = p.kernel_height / 2;
  p.output_height = (p.input_height - 1) / p.stride_height + 1;
  p.output_width = (p.input_width - 1) / p.stride_width + 1;
}
template <class Params>
int64_t input_size(const Params& p) { return int64_t{p.input_height} * p.input_width * p.input_stride; }
template <class Params>
int64_t output_size(const Params& p) { return int64_t{p.output_height} * p.output_width * p.output_stride; }

bool check_conv(Random& random) {
  ht_conv_params p{};
  p.groups = random.between(1, 2);
  const int32_t in = random.between(1, 70), out = random.between(1, 70);
  choose_window(random, p, in * p.groups, out * p.groups);
  p.input_channels = in * p.groups;
  p.output_channels = out * p.groups;
  const int32_t depth = in * p.kernel_height * p.kernel_width;
  const auto input = random.bytes(input_size(p)), weights = random.bytes(int64_t{depth} * p.output_channels), padding = random.bytes(p.input_channels);
  const auto bias = random.integers(p.output_channels, -200000, 200000);
  const EpilogueData data = some_epilogue(random, p.output_channels, depth);
  p.weights = weights.data();
  p.bias = bias.data();
  p.padding = padding.data();
  p.epilogue = data.view();
  return agree(random, conv_kernels(), p, {input.data()}, output_size(p) * element_bytes(data), conv_units(p));
}

bool check_depthwise(Random& random) {
  ht_depthwise_params p{};
  p.channel_multiplier = random.between(1, 2);
  const int32_t channels = random.between(1, 140), outputs = channels * p.channel_multiplier;
  choose_window(random, p, channels, outputs);
  p.input_channels = channels;
  const int32_t depth = p.kernel_height * p.kernel_width;
  const auto input = random.bytes(input_size(p)), weights = random.bytes(int64_t{depth} * outputs), padding = random.bytes(channels);
  const auto bias = random.integers(outputs, -20000, 20000);
  const EpilogueData data = some_epilogue(random, outputs, depth);
  p.weights = weights.data();
  p.bias = bias.data();
  p.padding = padding.data();
  p.epilogue = data.view();
  return agree(random, depthwise_kernels(), p, {input.data()}, output_size(p) * element_bytes(data), depthwise_units(p));
}

bool check_gemm(Random& random) {
  ht_gemm_params p{};
  p.batch = random.between(1, 2);
  p.rows = random.between(1, 12);
  p.columns = p.output_stride = random.between(1, 60);
  p.depth = p.a_stride = p.b_stride = random.between(1, 200);
  p.a_batch_stride = p.rows * p.depth;
  p.b_batch_stride = p.columns * p.depth;
  p.output_batch_stride = p.rows * p.columns;
  p.a_zero_point = random.between(-128, 127);
  p.b_zero_point = random.between(-128, 127);
  const auto a = random.bytes(int64_t{p.batch} * p.a_batch_stride), b = random.bytes(int64_t{p.batch} * p.b_batch_stride);
  const EpilogueData data = some_epilogue(random, p.columns, p.depth);
  p.epilogue = data.view();
  return agree(random, gemm_kernels(), p, {a.data(), b.data()}, int64_t{p.batch} * p.output_batch_stride * element_bytes(data), gemm_units(p));
}

template <class Params>
Params some_pool(Random& random) {
  Params p{};
  const int32_t channels = random.between(1, 90);
  choose_window(random, p, channels, channels);
  p.channels = channels;
  p.kind = random.between(0, 1);
  p.count_padding = random.between(0, 1);
  return p;
}

bool check_pool(Random& random) {
  auto p = some_pool<ht_pool_params>(random);
  const auto zero_point = random.bytes(p.channels), input = random.bytes(input_size(p));
  const auto data = int8_epilogue(Policy::kFloatHalfEven, p.channels, {random.real(0.3, 2)}, {random.bytes(p.channels), {-128}, {127}});
  if (!data) return false;
  p.input_zero_point = zero_point.data();
  p.epilogue = data->view();
  return agree(random, pool_kernels(), p, {input.data()}, output_size(p), pool_units(p));
}

bool check_pool_f32(Random& random) {
  const auto p = some_pool<ht_pool_f32_params>(random);
  const auto input = random.floats(input_size(p), -9, 9);
  return agree(random, pool_f32_kernels(), p, {input.data()}, output_size(p) * 4, pool_f32_units(p));
}

ht_broadcast some_broadcast(int32_t size) { return {2, {3, size}, {size, 1}, {0, 1}, {size, 1}}; }

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
  for (int32_t kind = HT_IDENTITY; kind <= HT_SIGN; ++kind) {
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

struct ConvertData {
  explicit ConvertData(Random& random)
      : channels(random.between(1, 100)), scale(random.floats(channels, 0.01, 1)), zero_point(random.bytes(channels)),
        params{7, channels, channels, channels, random.between(0, 1), scale.data(), zero_point.data()} {}
  int32_t channels;
  std::vector<float> scale;
  std::vector<int8_t> zero_point;
  ht_convert_params params;
};

bool check_quantize(Random& random) {
  const ConvertData data(random);
  const auto input = random.floats(7 * data.channels, -50, 50);
  return agree(random, quantize_kernels(), data.params, {input.data()}, 7 * data.channels, quantize_units(data.params));
}

bool check_dequantize(Random& random) {
  const ConvertData data(random);
  const auto input = random.bytes(7 * data.channels);
  return agree(random, dequantize_kernels(), data.params, {input.data()}, 28 * data.channels, dequantize_units(data.params));
}

bool check_conv_f32(Random& random) {
  ht_conv_f32_params p{};
  p.groups = random.between(1, 2);
  const int32_t in = random.between(1, 40), out = random.between(1, 20);
  choose_window(random, p, in * p.groups, out * p.groups);
  p.input_channels = in * p.groups;
  p.output_channels = out * p.groups;
  const auto input = random.floats(input_size(p), -2, 2), bias = random.floats(p.output_channels, -1, 1);
  const auto weights = random.floats(int64_t{in} * p.kernel_height * p.kernel_width * p.output_channels, -2, 2);
  p.weights = weights.data();
  p.bias = bias.data();
  p.minimum = -50;
  p.maximum = 50;
  return agree(random, conv_f32_kernels(), p, {input.data()}, output_size(p) * 4, conv_f32_units(p));
}

bool check_depthwise_f32(Random& random) {
  ht_depthwise_f32_params p{};
  p.channel_multiplier = random.between(1, 2);
  const int32_t channels = random.between(1, 90), outputs = channels * p.channel_multiplier;
  choose_window(random, p, channels, outputs);
  p.input_channels = channels;
  const auto input = random.floats(input_size(p), -2, 2), bias = random.floats(outputs, -1, 1);
  const auto weights = random.floats(int64_t{p.kernel_height} * p.kernel_width * outputs, -2, 2);
  p.weights = weights.data();
  p.bias = bias.data();
  p.minimum = -50;
  p.maximum = 50;
  return agree(random, depthwise_f32_kernels(), p, {input.data()}, output_size(p) * 4, depthwise_f32_units(p));
}

bool check_gemm_f32(Random& random) {
  ht_gemm_f32_params p{};
  p.batch = 1;
  p.rows = random.between(1, 9);
  p.columns = p.output_stride = random.between(1, 40);
  p.depth = p.a_stride = p.b_stride = random.between(1, 120);
  p.alpha = 1.5f;
  p.beta = 1;
  const auto a = random.floats(int64_t{p.rows} * p.depth, -2, 2), b = random.floats(int64_t{p.columns} * p.depth, -2, 2);
  const auto bias = random.floats(p.columns, -1, 1);
  p.bias = bias.data();
  return agree(random, gemm_f32_kernels(), p, {a.data(), b.data()}, int64_t{p.rows} * p.columns * 4, gemm_f32_units(p));
}

struct Check {
  std::string_view kernel;
  bool (*run)(Random&);
};
constexpr Check kChecks[] = {{"conv", check_conv},           {"depthwise", check_depthwise},   {"gemm", check_gemm},
                             {"pool", check_pool},           {"binary", check_binary},         {"table", check_table},
                             {"quantize", check_quantize},   {"dequantize", check_dequantize}, {"conv_f32", check_conv_f32},
                             {"depthwise_f32", check_depthwise_f32}, {"gemm_f32", check_gemm_f32}, {"pool_f32", check_pool_f32},
                             {"binary_f32", check_binary_f32}, {"unary_f32", check_unary_f32}};

}  // namespace

std::optional<bool> variants_agree(std::string_view kernel) {
  for (const Check& check : kChecks) {
    if (check.kernel != kernel) continue;
    for (uint64_t seed = 0; seed < kRounds; ++seed) {
      Random random(seed);
      if (!check.run(random)) return false;
    }
    return true;
  }
  return std::nullopt;
}

}  // namespace ht
