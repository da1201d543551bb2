// SPDX-License-Identifier: Apache-2.0
#include "kernels/cortex_m/registry.h"

#include <vector>

#include "kernels/cortex_m/ht_conv_dsp.h"
#include "kernels/cortex_m/ht_conv_mve.h"
#include "kernels/cortex_m/ht_depthwise_dsp.h"
#include "kernels/cortex_m/ht_depthwise_mve.h"
#include "kernels/cortex_m/pack.h"

namespace ht {
namespace {

template <class Params>
using Rows = std::vector<CortexMKernel<Params>>;

// A kernel that reads what it has packed.
template <class Params>
CortexMKernel<Params> packing(std::string_view function, typename Kernel<Params>::Run run, typename Kernel<Params>::Size scratch,
                              bool (*accepts)(const Params&), typename Kernel<Params>::Size packed, void (*pack)(const Params*, void*),
                              bool reads_epilogue) {
  return {{Isa::kC, function.substr(std::string_view("ht_").size()), run, scratch, accepts, packed, pack}, function, false, reads_epilogue};
}

CortexMKernel<ht_conv_params> conv_c() { return {conv_kernels().back(), "ht_conv", true, true}; }
CortexMKernel<ht_depthwise_params> depthwise_c() { return {depthwise_kernels().back(), "ht_depthwise", true, true}; }

Rows<ht_conv_params> conv_dsp_rows() {
  using namespace cortex_m;
  const auto row = packing<ht_conv_params>;
  return {row("ht_conv_dsp", ht_conv_dsp, conv_scratch_dsp, conv_accepts_dsp, conv_packed_dsp, conv_pack_dsp, false),
          row("ht_conv_dsp_deep", ht_conv_dsp_deep, conv_scratch_dsp_deep, conv_accepts_dsp_deep, conv_packed_dsp_deep, conv_pack_dsp_deep, false),
          row("ht_conv_dsp_activated", ht_conv_dsp_activated, ht_conv_dsp_activated_scratch, conv_accepts_dsp_activated,
              conv_packed_dsp_activated, conv_pack_dsp_activated, false),
          row("ht_conv_dsp_any", ht_conv_dsp_any, ht_conv_dsp_any_scratch, nullptr, conv_packed_dsp_any, conv_pack_dsp_any, true), conv_c()};
}

Rows<ht_conv_params> conv_mve_rows() {
  using namespace cortex_m;
  const auto row = packing<ht_conv_params>;
  return {row("ht_conv_mve", ht_conv_mve, ht_conv_mve_scratch, conv_accepts_mve, conv_packed_mve, conv_pack_mve, false),
          row("ht_conv_mve_own", ht_conv_mve_own, ht_conv_mve_own_scratch, conv_accepts_mve_own, conv_packed_mve_own, conv_pack_mve_own, false),
          row("ht_conv_mve_activated", ht_conv_mve_activated, ht_conv_mve_activated_scratch, conv_accepts_mve_activated,
              conv_packed_mve_activated, conv_pack_mve_activated, false),
          row("ht_conv_mve_any", ht_conv_mve_any, ht_conv_mve_any_scratch, nullptr, conv_packed_mve_any, conv_pack_mve_any, true), conv_c()};
}

Rows<ht_depthwise_params> depthwise_dsp_rows() {
  using namespace cortex_m;
  const auto row = packing<ht_depthwise_params>;
  return {row("ht_depthwise_dsp", ht_depthwise_dsp, depthwise_scratch_dsp, depthwise_accepts_dsp, depthwise_packed_dsp, depthwise_pack_dsp, false),
          row("ht_depthwise_dsp_own", ht_depthwise_dsp_own, depthwise_scratch_dsp_own, depthwise_accepts_dsp_own, depthwise_packed_dsp_own,
              depthwise_pack_dsp_own, false),
          row("ht_depthwise_dsp_activated", ht_depthwise_dsp_activated, ht_depthwise_dsp_activated_scratch, depthwise_accepts_dsp_activated,
              depthwise_packed_dsp_activated, depthwise_pack_dsp_activated, false),
          row("ht_depthwise_dsp_any", ht_depthwise_dsp_any, ht_depthwise_dsp_any_scratch, nullptr, depthwise_packed_dsp_any, depthwise_pack_dsp_any, true),
          depthwise_c()};
}

// For what has too few channels, the Cortex-M55 has the other instructions too.
Rows<ht_depthwise_params> depthwise_mve_rows() {
  using namespace cortex_m;
  const auto row = packing<ht_depthwise_params>;
  Rows<ht_depthwise_params> rows{
      row("ht_depthwise_mve", ht_depthwise_mve, ht_depthwise_mve_scratch, depthwise_accepts_mve, depthwise_packed_mve, depthwise_pack_mve, false),
      row("ht_depthwise_mve_own", ht_depthwise_mve_own, ht_depthwise_mve_own_scratch, depthwise_accepts_mve_own, depthwise_packed_mve_own,
          depthwise_pack_mve_own, false),
      row("ht_depthwise_mve_activated", ht_depthwise_mve_activated, ht_depthwise_mve_activated_scratch, depthwise_accepts_mve_activated,
          depthwise_packed_mve_activated, depthwise_pack_mve_activated, false),
      row("ht_depthwise_mve_any", ht_depthwise_mve_any, ht_depthwise_mve_any_scratch, depthwise_accepts_mve_any, depthwise_packed_mve_any,
          depthwise_pack_mve_any, true)};
  const Rows<ht_depthwise_params> others = depthwise_dsp_rows();
  rows.insert(rows.end(), others.begin(), others.end());
  return rows;
}

// Those of the instructions that the processor has.
template <class Params>
std::span<const CortexMKernel<Params>> rows_of(CortexM cpu, const Rows<Params>& plain, const Rows<Params>& dsp, const Rows<Params>& mve) {
  switch (cpu) {
    case CortexM::kM3:
      return plain;
    case CortexM::kM55:
      return mve;
    case CortexM::kM4:
    case CortexM::kM7:
      return dsp;
  }
  return plain;
}

}  // namespace

std::span<const CortexMKernel<ht_conv_params>> cortex_m_conv_kernels(CortexM cpu) {
  static const Rows<ht_conv_params> plain{conv_c()}, dsp = conv_dsp_rows(), mve = conv_mve_rows();
  return rows_of(cpu, plain, dsp, mve);
}

std::span<const CortexMKernel<ht_depthwise_params>> cortex_m_depthwise_kernels(CortexM cpu) {
  static const Rows<ht_depthwise_params> plain{depthwise_c()}, dsp = depthwise_dsp_rows(), mve = depthwise_mve_rows();
  return rows_of(cpu, plain, dsp, mve);
}

}  // namespace ht
