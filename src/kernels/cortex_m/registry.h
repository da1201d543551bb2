// SPDX-License-Identifier: Apache-2.0
// Kernels for Cortex-M, best first, the normative one last: what `halftone compile --cpu` may put into a bundle. They are C99, give the
// normative kernels' bits on every processor, this one included, and are fast on the one that they are written for.
#pragma once

#include <span>
#include <string_view>

#include "kernels/registry.h"

namespace ht {

enum class CortexM { kM3, kM4, kM7, kM55 };

template <class Params>
struct CortexMKernel {
  Kernel<Params> kernel;      // its scratch and packed sizes are those of the processor too
  std::string_view function;  // "ht_conv_dsp": takes what Kernel::run takes
  bool reads_canonical;  // false: Params::packed stands for weights, bias and the epilogue's arrays, which may be left out
  bool reads_epilogue;   // whether the epilogue's arrays of channels are read; its activation is where it has one
};

std::span<const CortexMKernel<ht_conv_params>> cortex_m_conv_kernels(CortexM cpu);
std::span<const CortexMKernel<ht_depthwise_params>> cortex_m_depthwise_kernels(CortexM cpu);

// The first kernel that takes the layer.
template <class Params>
const CortexMKernel<Params>& select_cortex_m(std::span<const CortexMKernel<Params>> kernels, const Params& params) {
  for (const CortexMKernel<Params>& row : kernels)
    if (!row.kernel.accepts || row.kernel.accepts(params)) return row;
  return kernels.back();
}

}  // namespace ht
