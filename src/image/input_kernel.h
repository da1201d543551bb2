// SPDX-License-Identifier: Apache-2.0
// `[preprocess]` of a recipe and the type of a model's input as parameters of the normative kernels/c/ht_preprocess.h, for this
// machine and for C bundles.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include "base/result.h"
#include "image/frame.h"
#include "image/preprocess.h"
#include "kernels/c/ht_preprocess.h"

namespace ht {

// The elements of a model's input as they lie in memory.
struct InputElements {
  int32_t type = HT_VALUES_F32;  // HT_VALUES_F32, HT_VALUES_S8, HT_VALUES_S16; HT_VALUES_U8 with zero points in 0..255
  PixelLayout layout = PixelLayout::kNhwc;
  std::vector<float> scales;         // of integers: one, or one a channel
  std::vector<int32_t> zero_points;  // as many
};

class InputKernel {
 public:
  // An error where the preprocessing makes no sense, or the input's parameters do not fit its channels.
  static Result<InputKernel> make(const Preprocess& preprocess, const InputElements& elements);

  // They refer to this object's tables.
  ht_preprocess_params parameters() const;
  size_t element_bytes() const;
  // Scratch memory that is enough for frames of any format and height up to so many pixels wide.
  size_t most_scratch_bytes(int frame_width) const;
  // What a channel's pixels 0 .. 255 become, of the elements' type.
  std::span<const std::byte> table(int channel) const { return tables_[static_cast<size_t>(channel)]; }

  // The whole input; `out` is as large as that. An error as photo_placement() gives it.
  Status fill(const Frame& frame, std::span<std::byte> out) const;

 private:
  Preprocess preprocess_;
  int32_t type_ = HT_VALUES_F32;
  PixelLayout layout_ = PixelLayout::kNhwc;
  std::array<std::vector<std::byte>, 3> tables_;
};

}  // namespace ht
