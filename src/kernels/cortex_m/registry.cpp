// SPDX-License-Identifier: Apache-2.0
#include "kernels/cortex_m/registry.h"

#include <vector>

#include "kernels/cortex_m/ht_conv_dsp.h"
#include "kernels/cortex_m/ht_depthwise_dsp.h"
#include "kernels/cortex_m/pack.h"

namespace ht {
namespace {

using Files = std::span<const std::string_view>;

template <class Params>
using Rows = std::vector<CortexMKernel<Params>>;

#define HT_C(name) "kernels/c/" name
#define HT_M(name) "kernels/cortex_m/" name

constexpr std::string_view kConvC[] = {HT_C("ht_conv.c"),   HT_C("ht_dot.h"),    HT_C("ht_epilogue.h"),  HT_C("ht_finish.h"),
                                       HT_C("ht_kernel.h"), HT_C("ht_patch.h"), HT_C("ht_requantize.h")};
constexpr std::string_view kDepthwiseC[] = {HT_C("ht_depthwise.c"), HT_C("ht_epilogue.h"), HT_C("ht_finish.h"), HT_C("ht_kernel.h"),
                                            HT_C("ht_requantize.h")};

#define HT_CONV_DSP_FILES                                                                                             \
  HT_M("ht_conv_tile_dsp.h"), HT_M("ht_conv_walk_dsp.h"), HT_M("ht_dsp.h"), HT_M("ht_packed_dsp.h"), HT_M("ht_widen_dsp.h"), \
      HT_C("ht_conv.h"), HT_C("ht_epilogue.h"), HT_C("ht_kernel.h")
constexpr std::string_view kConvDsp[] = {HT_M("ht_conv_dsp.c"), HT_CONV_DSP_FILES};
constexpr std::string_view kConvDspDeep[] = {HT_M("ht_conv_dsp_deep.c"), HT_CONV_DSP_FILES};
constexpr std::string_view kConvDspAny[] = {HT_M("ht_conv_dsp_any.c"), HT_CONV_DSP_FILES, HT_C("ht_finish.h"), HT_C("ht_requantize.h")};

#define HT_DEPTHWISE_DSP_FILES                                                                                          \
  HT_M("ht_column_dsp.h"), HT_M("ht_depthwise_walk_dsp.h"), HT_M("ht_dsp.h"), HT_M("ht_packed_dsp.h"), HT_C("ht_depthwise.h"), \
      HT_C("ht_epilogue.h"), HT_C("ht_kernel.h")
constexpr std::string_view kDepthwiseDsp[] = {HT_M("ht_depthwise_dsp.c"), HT_DEPTHWISE_DSP_FILES};
constexpr std::string_view kDepthwiseDspAny[] = {HT_M("ht_depthwise_dsp_any.c"), HT_DEPTHWISE_DSP_FILES, HT_C("ht_finish.h"),
                                                 HT_C("ht_requantize.h")};

// The normative kernel as the last row.
template <class Params>
CortexMKernel<Params> normative(std::span<const Kernel<Params>> kernels, std::string_view function, std::string_view header, Files files) {
  return {kernels.back(), function, header, files, true, true};
}

const CortexMKernel<ht_conv_params>& conv_c() {
  static const auto row = normative(conv_kernels(), "ht_conv", HT_C("ht_conv.h"), kConvC);
  return row;
}

const CortexMKernel<ht_depthwise_params>& depthwise_c() {
  static const auto row = normative(depthwise_kernels(), "ht_depthwise", HT_C("ht_depthwise.h"), kDepthwiseC);
  return row;
}

Rows<ht_conv_params> conv_dsp_rows() {
  using namespace cortex_m;
  const auto row = [](std::string_view function, auto run, auto scratch, auto accepts, auto pack, Files files, bool any) {
    const Kernel<ht_conv_params> kernel{Isa::kC, function.substr(3), run, scratch, accepts, conv_packed_dsp, pack};
    return CortexMKernel<ht_conv_params>{kernel, function, HT_M("ht_conv_dsp.h"), files, false, any};
  };
  return {row("ht_conv_dsp", ht_conv_dsp, ht_conv_dsp_scratch, conv_accepts_dsp, conv_pack_dsp, kConvDsp, false),
          row("ht_conv_dsp_deep", ht_conv_dsp_deep, ht_conv_dsp_deep_scratch, conv_accepts_dsp_deep, conv_pack_dsp_deep, kConvDspDeep, false),
          row("ht_conv_dsp_any", ht_conv_dsp_any, ht_conv_dsp_any_scratch, nullptr, conv_pack_dsp_any, kConvDspAny, true), conv_c()};
}

Rows<ht_depthwise_params> depthwise_dsp_rows() {
  using namespace cortex_m;
  const auto row = [](std::string_view function, auto run, auto scratch, auto accepts, auto pack, Files files, bool any) {
    const Kernel<ht_depthwise_params> kernel{Isa::kC, function.substr(3), run, scratch, accepts, depthwise_packed_dsp, pack};
    return CortexMKernel<ht_depthwise_params>{kernel, function, HT_M("ht_depthwise_dsp.h"), files, false, any};
  };
  return {row("ht_depthwise_dsp", ht_depthwise_dsp, ht_depthwise_dsp_scratch, depthwise_accepts_dsp, depthwise_pack_dsp, kDepthwiseDsp, false),
          row("ht_depthwise_dsp_any", ht_depthwise_dsp_any, ht_depthwise_dsp_any_scratch, nullptr, depthwise_pack_dsp_any, kDepthwiseDspAny, true),
          depthwise_c()};
}

}  // namespace

std::span<const CortexMKernel<ht_conv_params>> cortex_m_conv_kernels(CortexM cpu) {
  static const Rows<ht_conv_params> plain{conv_c()}, dsp = conv_dsp_rows();
  switch (cpu) {
    case CortexM::kM3:
    case CortexM::kM55:
      return plain;
    case CortexM::kM4:
    case CortexM::kM7:
      return dsp;
  }
  return plain;
}

std::span<const CortexMKernel<ht_depthwise_params>> cortex_m_depthwise_kernels(CortexM cpu) {
  static const Rows<ht_depthwise_params> plain{depthwise_c()}, dsp = depthwise_dsp_rows();
  switch (cpu) {
    case CortexM::kM3:
    case CortexM::kM55:
      return plain;
    case CortexM::kM4:
    case CortexM::kM7:
      return dsp;
  }
  return plain;
}

}  // namespace ht
