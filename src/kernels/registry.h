// SPDX-License-Identifier: Apache-2.0
// Which implementations of a kernel exist, best first, the normative one last. They all give the same bits.
#pragma once

#include <span>
#include <string_view>

#include "base/result.h"
#include "kernels/kernel_list.h"

namespace ht {

template <class Params>
struct Kernel {
  using Run = void (*)(const Params*, const ht_arguments*, int32_t begin, int32_t end);
  using Size = size_t (*)(const Params*);

  Isa isa;
  std::string_view name;  // "conv.avx512vnni"
  Run run;
  Size scratch = nullptr;                                    // none: needs no scratch
  bool (*accepts)(const Params&) = nullptr;                  // none: everything
  Size packed = nullptr;                                     // none: reads the canonical weights
  void (*pack)(const Params*, void* destination) = nullptr;  // fills what Params::packed shall point to (aligned to 64)

  size_t scratch_bytes(const Params& params) const { return scratch ? scratch(&params) : 0; }  // for each thread
  size_t packed_bytes(const Params& params) const { return packed ? packed(&params) : 0; }
};

// conv_kernels(), depthwise_kernels(), ...
#define HT_DECLARE(name, params) std::span<const Kernel<params>> name##_kernels();
HT_KERNELS(HT_DECLARE)
#undef HT_DECLARE

// The kernel's units: rows, blocks or elements, as its header says.
#define HT_DECLARE(name, params) \
  inline int32_t name##_units(const params& p) { return ht_##name##_units(&p); }
HT_KERNELS(HT_DECLARE)
#undef HT_DECLARE

// What this processor and operating system support.
Isa detect_isa();

// The best instruction set of this machine within the cap.
Isa best_usable_isa(Isa allowed);
// Whether code for `isa` may run under the cap `allowed` on this machine.
bool isa_usable(Isa isa, Isa allowed);

// "c", "avx2", "avx512vnni", ...
std::string_view isa_name(Isa isa);

template <class Params>
bool may_run(const Kernel<Params>& kernel, const Params& params, Isa allowed) {
  return isa_usable(kernel.isa, allowed) && (!kernel.accepts || kernel.accepts(params));
}

template <class Params>
const Kernel<Params>& select_kernel(std::span<const Kernel<Params>> kernels, const Params& params, Isa allowed) {
  for (const Kernel<Params>& kernel : kernels)
    if (may_run(kernel, params, allowed)) return kernel;
  return kernels.back();  // the normative kernel accepts everything
}

}  // namespace ht
