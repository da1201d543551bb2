// SPDX-License-Identifier: Apache-2.0
#include "kernels/registry.h"

#include "halftone/operations.h"
#include "kernels/self_check.h"

namespace ht {
namespace {

template <class Params>
halftone::KernelInfo describe(std::string_view operation, std::span<const Kernel<Params>> kernels, Isa allowed) {
  halftone::KernelInfo info;
  info.operation = operation;
  for (const Kernel<Params>& kernel : kernels) {
    if (!isa_usable(kernel.isa, Isa::kBest)) continue;
    info.variants.emplace_back(kernel.name);
    if (info.chosen.empty() && isa_usable(kernel.isa, allowed)) info.chosen = kernel.name;
  }
  return info;
}

}  // namespace
}  // namespace ht

namespace halftone {

Result<KernelsResult> kernels(const KernelsOptions& options, const Context& context) {
  KernelsResult result;
  result.detected_isa = ht::isa_name(ht::detect_isa());
  result.allowed_isa = ht::isa_name(ht::best_usable_isa(context.isa));
#define HT_DESCRIBE(name, params) result.kernels.push_back(ht::describe(#name, ht::name##_kernels(), context.isa));
  HT_KERNELS(HT_DESCRIBE)
#undef HT_DESCRIBE
  if (!options.check) return result;
  for (KernelInfo& info : result.kernels) {
    if (context.is_cancelled()) return ht::interrupted();
    info.equal = ht::variants_agree(info.operation);
  }
  return result;
}

}  // namespace halftone
