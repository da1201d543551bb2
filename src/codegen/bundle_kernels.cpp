// SPDX-License-Identifier: Apache-2.0
#include "codegen/bundle_kernels.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <type_traits>

#include "kernels/cortex_m/ht_packed_dsp.h"
#include "kernels/cortex_m/registry.h"
#include "kernels/registry.h"

namespace ht {
namespace {

template <class Params>
void pack(const Kernel<Params>& kernel, const Params& params, BundleCall& call) {
  if constexpr (requires { params.packed; }) {
    const size_t bytes = kernel.packed_bytes(params);
    if (bytes == 0) return;
    std::vector<uint8_t> packed((bytes + 3) / 4 * 4);  // stored as words, so that they are aligned
    kernel.pack(&params, packed.data());
    call.packed = std::make_shared<const std::vector<uint8_t>>(std::move(packed));
  }
}

template <class Params>
struct Chosen {
  const Kernel<Params>& kernel;
  std::string function;
  bool reads_weights = true, reads_epilogue = true;
};

template <class Params>
Chosen<Params> for_cortex_m(const CortexMKernel<Params>& row) {
  return {row.kernel, std::string(row.function), row.reads_canonical, row.reads_epilogue};
}

template <class Params>
Chosen<Params> choose(const Cpu&, std::string_view name, std::span<const Kernel<Params>> listed, const Params&) {
  return {listed.back(), fmt::format("ht_{}", name)};
}
Chosen<ht_conv_params> choose(const Cpu& cpu, std::string_view name, std::span<const Kernel<ht_conv_params>> listed, const ht_conv_params& params) {
  if (cpu.cortex_m) return for_cortex_m(select_cortex_m(cortex_m_conv_kernels(*cpu.cortex_m), params));
  return choose<ht_conv_params>(cpu, name, listed, params);
}
Chosen<ht_depthwise_params> choose(const Cpu& cpu, std::string_view name, std::span<const Kernel<ht_depthwise_params>> listed,
                                   const ht_depthwise_params& params) {
  if (cpu.cortex_m) return for_cortex_m(select_cortex_m(cortex_m_depthwise_kernels(*cpu.cortex_m), params));
  return choose<ht_depthwise_params>(cpu, name, listed, params);
}

// What the function's packed parameters begin with, if they do.
std::optional<ht_layer_dsp> dsp_layer(std::string_view function, const std::vector<uint8_t>& packed) {
  constexpr std::array<std::string_view, 4> kFunctions = {"ht_conv_dsp", "ht_conv_dsp_deep", "ht_depthwise_dsp", "ht_depthwise_dsp_own"};
  if (std::ranges::find(kFunctions, function) == kFunctions.end()) return {};
  ht_layer_dsp layer;
  std::memcpy(&layer, packed.data(), sizeof layer);
  return layer;
}

ShortNumbers short_numbers(std::string_view function, const std::vector<uint8_t>& packed) {
  const std::optional<ht_layer_dsp> found = dsp_layer(function, packed);
  if (!found) return {};
  return {found->bias_bits, found->bias_bits == 0 ? 0 : found->significand_bits + found->shift_bits};
}

template <class Params>
BundleCall call_of(const Chosen<Params>& chosen, const Params& params, int32_t units) {
  const Kernel<Params>& kernel = chosen.kernel;
  BundleCall call{std::string(kernel.name), chosen.function, units, kernel.scratch_bytes(params), nullptr, chosen.reads_weights, chosen.reads_epilogue, {}};
  pack(kernel, params, call);
  if (call.packed) call.short_numbers = short_numbers(chosen.function, *call.packed);
  return call;
}

// Whether every tap of a filter lies within the input.
bool is_inside(const ht_conv_params& p) {
  const auto fits = [](int32_t outputs, int32_t stride, int32_t taps, int32_t dilation, int32_t pad, int32_t inputs) {
    return pad <= 0 && int64_t{outputs - 1} * stride + int64_t{taps - 1} * dilation - pad < inputs;
  };
  return fits(p.output_height, p.stride_height, p.kernel_height, p.dilation_height, p.pad_top, p.input_height) &&
         fits(p.output_width, p.stride_width, p.kernel_width, p.dilation_width, p.pad_left, p.input_width);
}

template <class Params>
void drop_unread(Params&, const Step&, const BundleCall&) {}

template <class Params>
  requires requires(Params p) { p.packed, p.epilogue; }
void drop_unread(Params& params, const Step&, const BundleCall& call) {
  if (call.packed) params.packed = call.packed->data();
  if constexpr (std::is_same_v<Params, ht_conv_params>)
    if (is_inside(params)) params.padding = nullptr;
  if constexpr (std::is_same_v<Params, ht_depthwise_params>) {
    const auto layer = call.packed ? dsp_layer(call.function, *call.packed) : std::nullopt;
    if (layer && !layer->own_padding) params.padding = nullptr;
  }
  if (!call.reads_weights) params.weights = nullptr, params.bias = nullptr;
  if (call.reads_epilogue) return;
  const ht_epilogue whole = params.epilogue;
  params.epilogue = {};
  params.epilogue.output = whole.output;
  params.epilogue.policy = whole.policy;
  params.epilogue.activation = whole.activation;
}

void drop_weights(ht_resample_axis& axis, bool is_float) {
  if (is_float || axis.taps == 1) axis.fixed = nullptr;
  if (!is_float || axis.taps == 1) axis.weight = nullptr;
}

void drop_unread(ht_resample_params& params, const Step& step, const BundleCall&) {
  const bool is_float = step.kernel == KernelId::k_resample_f32;
  drop_weights(params.y, is_float);
  drop_weights(params.x, is_float);
}

void drop_unread(ht_binary_params& params, const Step&, const BundleCall&) {
  const bool is_float = params.policy == HT_FLOAT_HALF_EVEN;
  if (is_float) params.a_fixed = params.b_fixed = params.shift = nullptr;
  if (!is_float) params.a_ratio = params.b_ratio = nullptr;
  if (params.kind == HT_MUL) params.b_ratio = nullptr, params.b_fixed = nullptr;
}

}  // namespace

BundleCall bundle_call(const Cpu& cpu, const Step& step) {
  switch (step.kernel) {
#define HT_CALL(name, Params)                                                         \
  case KernelId::k_##name: {                                                          \
    const auto& p = std::get<Params>(step.params);                                    \
    return call_of(choose(cpu, #name, name##_kernels(), p), p, name##_units(p)); \
  }
    HT_KERNELS(HT_CALL)
#undef HT_CALL
  }
  return {};
}

size_t bundle_scratch(const Cpu& cpu, const Step& step) {
  switch (step.kernel) {
#define HT_SCRATCH(name, Params)                                                   \
  case KernelId::k_##name: {                                                       \
    const auto& p = std::get<Params>(step.params);                                 \
    return choose(cpu, #name, name##_kernels(), p).kernel.scratch_bytes(p); \
  }
    HT_KERNELS(HT_SCRATCH)
#undef HT_SCRATCH
  }
  return 0;
}

KernelParams params_of(const Step& step, const BundleCall& call) {
  KernelParams params = step.params;
  std::visit([&](auto& p) { drop_unread(p, step, call); }, params);
  return params;
}

}  // namespace ht
