// SPDX-License-Identifier: Apache-2.0
#include "codegen/bundle_kernels.h"

#include <fmt/format.h>

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
BundleCall call_of(const Kernel<Params>& kernel, std::string function, const Params& params, int32_t units) {
  BundleCall call{std::string(kernel.name), std::move(function), units, kernel.scratch_bytes(params), nullptr};
  pack(kernel, params, call);
  return call;
}

template <class Params>
BundleCall cortex_m_call(const CortexMKernel<Params>& chosen, const Params& params, int32_t units) {
  BundleCall call = call_of(chosen.kernel, std::string(chosen.function), params, units);
  call.reads_weights = chosen.reads_canonical;
  call.reads_epilogue = chosen.reads_epilogue;
  return call;
}

template <class Params>
BundleCall choose(const Cpu&, std::string_view name, std::span<const Kernel<Params>> listed, const Params& params, int32_t units) {
  return call_of(listed.back(), fmt::format("ht_{}", name), params, units);
}
BundleCall choose(const Cpu& cpu, std::string_view name, std::span<const Kernel<ht_conv_params>> listed, const ht_conv_params& params, int32_t units) {
  if (cpu.cortex_m) return cortex_m_call(select_cortex_m(cortex_m_conv_kernels(*cpu.cortex_m), params), params, units);
  return choose<ht_conv_params>(cpu, name, listed, params, units);
}
BundleCall choose(const Cpu& cpu, std::string_view name, std::span<const Kernel<ht_depthwise_params>> listed, const ht_depthwise_params& params, int32_t units) {
  if (cpu.cortex_m) return cortex_m_call(select_cortex_m(cortex_m_depthwise_kernels(*cpu.cortex_m), params), params, units);
  return choose<ht_depthwise_params>(cpu, name, listed, params, units);
}

template <class Params>
void drop_unread(Params&, const Step&, const BundleCall&) {}

template <class Params>
  requires requires(Params p) { p.packed, p.epilogue; }
void drop_unread(Params& params, const Step&, const BundleCall& call) {
  if (call.packed) params.packed = call.packed->data();
  if (!call.reads_weights) params.weights = nullptr, params.bias = nullptr;
  if (call.reads_epilogue) return;
  const ht_epilogue whole = params.epilogue;
  params.epilogue = {};
  params.epilogue.output = whole.output;
  params.epilogue.policy = whole.policy;
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
#define HT_CALL(name, Params)                                               \
  case KernelId::k_##name: {                                                \
    const auto& p = std::get<Params>(step.params);                          \
    return choose(cpu, #name, name##_kernels(), p, name##_units(p)); \
  }
    HT_KERNELS(HT_CALL)
#undef HT_CALL
  }
  return {};
}

KernelParams params_of(const Step& step, const BundleCall& call) {
  KernelParams params = step.params;
  std::visit([&](auto& p) { drop_unread(p, step, call); }, params);
  return params;
}

}  // namespace ht
