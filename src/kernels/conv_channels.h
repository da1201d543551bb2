// SPDX-License-Identifier: Apache-2.0
// Some output channels of a convolution, for threads that are to share its weights rather than its rows.
#pragma once

#include "kernels/registry.h"

namespace ht {

// What packs weights does so by so many output channels, one block behind the other.
inline constexpr int32_t kChannelBlock = 32;

struct ConvChannels {
  ht_conv_params params;
  size_t output_offset = 0;  // bytes from where all channels begin
};

// The output channels [first, first + count) of a convolution in one group whose weights this kernel has packed, as a convolution
// of their own. `first` is a multiple of kChannelBlock.
inline ConvChannels conv_channels(const Kernel<ht_conv_params>& kernel, const ht_conv_params& all, int32_t first, int32_t count) {
  const auto before = static_cast<size_t>(first);
  const auto move = [&](auto*& array) {
    if (array) array += before;
  };
  ConvChannels part{all};
  ht_conv_params& p = part.params;
  p.output_channels = first;
  if (p.packed) p.packed = static_cast<const char*>(p.packed) + kernel.packed_bytes(p);
  p.output_channels = count;
  p.weights += before * static_cast<size_t>(p.kernel_height * p.kernel_width * p.input_channels);
  move(p.bias);
  ht_epilogue& e = p.epilogue;
  for (ht_multiplier* multiplier : {&e.multiplier, &e.second}) {
    move(multiplier->real);
    move(multiplier->fixed);
    move(multiplier->shift);
  }
  move(e.scale);
  move(e.zero_point);
  move(e.minimum);
  move(e.maximum);
  const bool is_byte =
      e.output == HT_OUTPUT_S8 || e.output == HT_OUTPUT_ACTIVATED || e.output == HT_OUTPUT_LEAKY;  // else F32 or S32
  part.output_offset = before * (is_byte ? 1 : sizeof(float)) * static_cast<size_t>(e.plane != 0 ? e.plane : 1);
  return part;
}

}  // namespace ht
