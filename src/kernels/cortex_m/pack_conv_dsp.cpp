// SPDX-License-Identifier: Apache-2.0
#include "kernels/cortex_m/ht_widen_dsp.h"
#include "kernels/cortex_m/ht_activated.h"
#include "kernels/cortex_m/pack.h"

namespace ht::cortex_m {
namespace {

constexpr int64_t kBoundedSum = 1 << 23;

int32_t group_outputs(const ht_conv_params& p) { return p.output_channels / p.groups; }
int32_t group_pairs(const ht_conv_params& p) { return (group_outputs(p) + 1) / 2; }

// The weights of an output channel, rows of the filter padded to multiples of four; zeros for a channel that is not there.
class PaddedWeights {
 public:
  PaddedWeights(const ht_conv_params& p, int32_t group, int32_t within)
      : row_(ht_row_inputs(&p)), padded_((row_ + 3) / 4 * 4), count_(static_cast<size_t>(p.kernel_height) * padded_) {
    if (within < group_outputs(p))
      weights_ = p.weights + static_cast<size_t>(group * group_outputs(p) + within) * static_cast<size_t>(p.kernel_height) * row_;
  }
  size_t count() const { return count_; }
  int32_t operator[](size_t k) const {
    const size_t at = k % padded_;
    return weights_ && at < row_ ? weights_[k / padded_ * row_ + at] : 0;
  }

 private:
  size_t row_, padded_, count_;
  const int8_t* weights_ = nullptr;
};

// Whether the sums of a pair can be told apart (ht_conv_dsp.h).
bool separable(const PaddedWeights& first, const PaddedWeights& second) {
  for (size_t k = 0; k < first.count(); ++k)
    if (first[k] + 256 * second[k] < INT16_MIN) return false;
  return true;
}

template <class Visit>  // visit(group, pair within the group)
bool every_pair(const ht_conv_params& p, Visit visit) {
  for (int32_t group = 0; group < p.groups; ++group)
    for (int32_t pair = 0; pair < group_pairs(p); ++pair)
      if (!visit(group, pair)) return false;
  return true;
}

// A half of a word: bytes as they are, or added up so that products with it are.
uint32_t weight_half(int32_t first, int32_t second, bool deep) {
  const int32_t low = deep ? first & 255 : first;
  return static_cast<uint16_t>(low + 256 * second);
}

void pack(const ht_conv_params& p, const FixedLayer& layer, bool deep, void* packed) {
  auto* header = static_cast<ht_layer_dsp*>(packed);
  *header = packed_layer(layer);
  auto* channel = reinterpret_cast<ht_channel_dsp*>(header + 1);
  auto* word = reinterpret_cast<uint32_t*>(channel + 2 * p.groups * group_pairs(p));
  every_pair(p, [&](int32_t group, int32_t pair) {
    const auto first_output = static_cast<size_t>(group * group_outputs(p)), end = first_output + static_cast<size_t>(group_outputs(p));
    for (size_t i = 0; i < 2; ++i)
      channel[i] = packed_channel(p.bias, p.epilogue, layer, first_output + 2 * static_cast<size_t>(pair) + i, end);
    if (!deep) channel[1].bias = static_cast<int32_t>(static_cast<uint32_t>(channel[0].bias) + 256 * static_cast<uint32_t>(channel[1].bias));
    channel += 2;
    const PaddedWeights first(p, group, 2 * pair), second(p, group, 2 * pair + 1);
    for (size_t k = 0; k < first.count(); k += 4)
      for (const size_t at : {k, k + 1})
        *word++ = weight_half(first[at], second[at], deep) | weight_half(first[at + 2], second[at + 2], deep) << 16;
    return true;
  });
}

}  // namespace

bool conv_accepts_dsp(const ht_conv_params& p) {
  const std::vector<int64_t> largest = largest_sums(p);
  if (!fixed_layer(p.epilogue, largest).exact) return false;
  return every_pair(p, [&](int32_t group, int32_t pair) {
    const int32_t second = 2 * pair + 1;
    if (second >= group_outputs(p)) return true;
    return largest[static_cast<size_t>(group * group_outputs(p) + second)] < kBoundedSum &&
           separable(PaddedWeights(p, group, 2 * pair), PaddedWeights(p, group, second));
  });
}

bool conv_accepts_dsp_deep(const ht_conv_params& p) { return fixed_layer(p.epilogue, largest_sums(p)).exact; }

size_t conv_packed_dsp(const ht_conv_params* p) {
  const auto pairs = static_cast<size_t>(p->groups * group_pairs(*p));
  return sizeof(ht_layer_dsp) + pairs * (2 * sizeof(ht_channel_dsp) + ht_patch_words(p) * sizeof(uint32_t));
}

void conv_pack_dsp(const ht_conv_params* p, void* packed) { pack(*p, fixed_layer(p->epilogue, largest_sums(*p)), false, packed); }
void conv_pack_dsp_deep(const ht_conv_params* p, void* packed) { pack(*p, fixed_layer(p->epilogue, largest_sums(*p)), true, packed); }
void conv_pack_dsp_any(const ht_conv_params* p, void* packed) { pack(*p, {}, true, packed); }

bool conv_accepts_dsp_activated(const ht_conv_params& p) { return fits_activated(p.epilogue, largest_sums(p)); }
size_t conv_packed_dsp_activated(const ht_conv_params* p) { return ht_activated_bytes(p->output_channels) + conv_packed_dsp(p); }
void conv_pack_dsp_activated(const ht_conv_params* p, void* packed) {
  conv_pack_dsp_any(p, pack_activated(p->epilogue, largest_sums(*p), packed));
}

}  // namespace ht::cortex_m
