// SPDX-License-Identifier: Apache-2.0
#include "codegen/bundle_kernels.h"

#include <fmt/format.h>

#include "kernels/registry.h"

namespace ht {
namespace {

// What a bundle calls a kernel of the lists by.
template <class Params>
struct BundleKernel {
  std::string function;
  const Kernel<Params>* kernel;
};

template <class Params>
BundleCall call_of(const BundleKernel<Params>& chosen, const Params& params, int32_t units) {
  const Kernel<Params>& kernel = *chosen.kernel;
  BundleCall call{std::string(kernel.name), chosen.function, units, kernel.scratch_bytes(params), nullptr};
  if constexpr (requires { params.packed; }) {
    const size_t bytes = kernel.packed_bytes(params);
    if (bytes == 0) return call;
    std::vector<uint8_t> packed((bytes + 3) / 4 * 4);  // stored as words, so that they are aligned
    kernel.pack(&params, packed.data());
    call.packed = std::make_shared<const std::vector<uint8_t>>(std::move(packed));
  }
  return call;
}

// The normative kernel is the last of its list and takes everything.
template <class Params>
BundleKernel<Params> choose(const Cpu&, std::string_view name, std::span<const Kernel<Params>> listed, const Params&) {
  return {fmt::format("ht_{}", name), &listed.back()};
}

template <class Params>
void use_packed(Params& params, const BundleCall& call) {
  if constexpr (requires { params.packed; }) {
    params.packed = call.packed->data();
    params.weights = nullptr;
  }
}

void drop_weights(ht_resample_axis& axis, bool is_float) {
  if (is_float || axis.taps == 1) axis.fixed = nullptr;
  if (!is_float || axis.taps == 1) axis.weight = nullptr;
}

}  // namespace

BundleCall bundle_call(const Cpu& cpu, const Step& step) {
  switch (step.kernel) {
#define HT_CALL(name, Params)                                                                                \
  case KernelId::k_##name: {                                                                                 \
    const auto& p = std::get<Params>(step.params);                                                           \
    return call_of(choose(cpu, #name, name##_kernels(), p), p, name##_units(p));                             \
  }
    HT_KERNELS(HT_CALL)
#undef HT_CALL
  }
  return {};
}

KernelParams params_of(const Step& step, const BundleCall& call) {
  KernelParams params = step.params;
  if (auto* resample = std::get_if<ht_resample_params>(&params)) {
    const bool is_float = step.kernel == KernelId::k_resample_f32;
    drop_weights(resample->y, is_float);
    drop_weights(resample->x, is_float);
  }
  if (auto* binary = std::get_if<ht_binary_params>(&params)) {
    const bool is_float = binary->policy == HT_FLOAT_HALF_EVEN;
    if (is_float) binary->a_fixed = binary->b_fixed = binary->shift = nullptr;
    if (!is_float) binary->a_ratio = binary->b_ratio = nullptr;
    if (binary->kind == HT_MUL) binary->b_ratio = nullptr, binary->b_fixed = nullptr;
  }
  if (call.packed) std::visit([&](auto& p) { use_packed(p, call); }, params);
  return params;
}

}  // namespace ht
