// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdlib>

#include "kernels/cortex_m/ht_activated.h"
#include "kernels/cortex_m/ht_conv_dsp.h"
#include "kernels/cortex_m/ht_conv_walk_dsp.h"
#include "kernels/cortex_m/ht_widen_dsp.h"
#include "kernels/cortex_m/pack.h"

namespace ht::cortex_m {
namespace {

constexpr int64_t kBoundedSum = 1 << 23;

int32_t group_outputs(const ht_conv_params& p) { return p.output_channels / p.groups; }
int32_t group_pairs(const ht_conv_params& p) { return (group_outputs(p) + 1) / 2; }

// The weights of an output channel, rows of the filter padded to multiples of four; zeros for a channel that is not there or needs none.
class PaddedWeights {
 public:
  PaddedWeights(const ht_conv_params& p, const FixedLayer& layer, int32_t group, int32_t within)
      : row_(ht_row_inputs(&p)), padded_((row_ + 3) / 4 * 4), count_(static_cast<size_t>(p.kernel_height) * padded_) {
    if (within >= group_outputs(p)) return;
    const auto output = static_cast<size_t>(group * group_outputs(p) + within);
    if (!layer.channels[output].is_constant) weights_ = p.weights + output * static_cast<size_t>(p.kernel_height) * row_;
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

// What pairs of channels become in each of the forms.
struct PairForm {
  using Channel = ht_pair_channel_dsp;
  static constexpr bool kDeep = false;
  static void write(const FixedChannel& first, const FixedChannel& second, Channel* to) {
    const uint32_t both = static_cast<uint32_t>(first.bias) + 256 * static_cast<uint32_t>(second.bias);
    const uint32_t rest = (static_cast<uint32_t>(second.shift - 1) - both) & 255;
    to[0] = {first.multiplier, bias_and_shift(first)};
    to[1] = {second.multiplier, static_cast<int32_t>(both + rest)};
  }
};
struct DeepForm {
  using Channel = ht_deep_channel_dsp;
  static constexpr bool kDeep = true;
  static void write(const FixedChannel& first, const FixedChannel& second, Channel* to) {
    to[0] = {first.multiplier, rounding(first), first.bias};
    to[1] = {second.multiplier, rounding(second), second.bias};
  }
  static int32_t rounding(const FixedChannel& channel) { return (2 * channel.zero_point + 1) * 256 + channel.shift - 1; }
};
struct SumForm {
  using Channel = ht_sum_channel_dsp;
  static constexpr bool kDeep = true;
  static void write(const FixedChannel& first, const FixedChannel& second, Channel* to) {
    to[0] = {first.bias};
    to[1] = {second.bias};
  }
};

template <class Form>
size_t channels_bytes(const ht_conv_params& p, const FixedLayer& layer) {
  return stored_channels(layer, static_cast<size_t>(2 * p.groups * group_pairs(p)), sizeof(typename Form::Channel));
}

template <class Form>
void pack(const ht_conv_params& p, const FixedLayer& layer, void* packed) {
  const ShortChannels form = short_channels(layer);
  auto* stored = static_cast<uint8_t*>(pack_layer_dsp(layer, packed));
  auto* end = stored + channels_bytes<Form>(p, layer);
  if (form.bias_bits != 0) std::fill(stored, end, uint8_t{0});
  auto* channel = reinterpret_cast<typename Form::Channel*>(stored);
  auto* word = reinterpret_cast<uint32_t*>(end);
  every_pair(p, [&](int32_t group, int32_t pair) {
    const auto first_output = static_cast<size_t>(group * group_outputs(p) + 2 * pair);
    const bool is_pair = 2 * pair + 1 < group_outputs(p);
    if (form.bias_bits == 0) {
      Form::write(layer.channels[first_output], is_pair ? layer.channels[first_output + 1] : FixedChannel{}, channel);
      channel += 2;
    } else {
      const auto place = static_cast<size_t>(2 * (group * group_pairs(p) + pair));
      write_short(form, layer.channels[first_output], place, stored);
      if (is_pair) write_short(form, layer.channels[first_output + 1], place + 1, stored);
    }
    const PaddedWeights first(p, layer, group, 2 * pair), second(p, layer, group, 2 * pair + 1);
    for (size_t k = 0; k < first.count(); k += 4)
      for (const size_t at : {k, k + 1})
        *word++ = weight_half(first[at], second[at], Form::kDeep) | weight_half(first[at + 2], second[at + 2], Form::kDeep) << 16;
    return true;
  });
}

template <class Form>
size_t packed_bytes(const ht_conv_params& p, const FixedLayer& layer) {
  const auto pairs = static_cast<size_t>(p.groups * group_pairs(p));
  return layer_dsp_bytes(layer) + channels_bytes<Form>(p, layer) + pairs * ht_patch_words(&p) * sizeof(uint32_t);
}

// The kernels' functions count the room that short channels need.
template <class Form>
size_t scratch(const ht_conv_params& p, size_t most) {
  const bool has_room = short_channels(fixed_layer(p.epilogue, sum_ranges(p))).bias_bits != 0;
  const size_t room =
      group_outputs(p) > HT_MOST_EXPANDED ? static_cast<size_t>(HT_SOME_EXPANDED) : static_cast<size_t>(2 * group_pairs(p));
  return has_room ? most : most - room * sizeof(typename Form::Channel);
}

}  // namespace

size_t conv_scratch_dsp(const ht_conv_params* p) { return scratch<PairForm>(*p, ht_conv_dsp_scratch(p)); }
size_t conv_scratch_dsp_deep(const ht_conv_params* p) { return scratch<DeepForm>(*p, ht_conv_dsp_deep_scratch(p)); }

bool conv_accepts_dsp(const ht_conv_params& p) {
  const std::vector<SumRange> sums = sum_ranges(p);
  const FixedLayer layer = fixed_layer(p.epilogue, sums);
  if (!layer.exact || layer.own_zero_points) return false;
  // The largest sum of a channel, the weights of a constant one being left out.
  const auto largest = [&](size_t output) {
    const FixedChannel& channel = layer.channels[output];
    return SumRange{channel.bias, channel.is_constant ? 0 : sums[output].spread}.largest();
  };
  return every_pair(p, [&](int32_t group, int32_t pair) {
    const auto first = static_cast<size_t>(group * group_outputs(p) + 2 * pair);
    if (!has_short_bias(layer.channels[first])) return false;
    if (2 * pair + 1 >= group_outputs(p)) return true;
    return largest(first + 1) < kBoundedSum && separable(PaddedWeights(p, layer, group, 2 * pair), PaddedWeights(p, layer, group, 2 * pair + 1));
  });
}

bool conv_accepts_dsp_deep(const ht_conv_params& p) { return fixed_layer(p.epilogue, sum_ranges(p)).exact; }

size_t conv_packed_dsp(const ht_conv_params* p) { return packed_bytes<PairForm>(*p, fixed_layer(p->epilogue, sum_ranges(*p))); }
size_t conv_packed_dsp_deep(const ht_conv_params* p) { return packed_bytes<DeepForm>(*p, fixed_layer(p->epilogue, sum_ranges(*p))); }
size_t conv_packed_dsp_any(const ht_conv_params* p) { return packed_bytes<SumForm>(*p, {}); }

void conv_pack_dsp(const ht_conv_params* p, void* packed) { pack<PairForm>(*p, fixed_layer(p->epilogue, sum_ranges(*p)), packed); }
void conv_pack_dsp_deep(const ht_conv_params* p, void* packed) { pack<DeepForm>(*p, fixed_layer(p->epilogue, sum_ranges(*p)), packed); }
void conv_pack_dsp_any(const ht_conv_params* p, void* packed) { pack<SumForm>(*p, sums_layer(sum_ranges(*p)), packed); }

bool conv_accepts_dsp_activated(const ht_conv_params& p) { return fits_activated(p.epilogue, sum_ranges(p)); }
size_t conv_packed_dsp_activated(const ht_conv_params* p) { return ht_activated_bytes(p->output_channels) + conv_packed_dsp_any(p); }
void conv_pack_dsp_activated(const ht_conv_params* p, void* packed) {
  conv_pack_dsp_any(p, pack_activated(p->epilogue, sum_ranges(*p), packed));
}

}  // namespace ht::cortex_m
