// SPDX-License-Identifier: Apache-2.0
// A resolved head as parameters of the normative kernels/c/ht_detect.h, for this machine and for C bundles.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "evaluate/head.h"
#include "kernels/c/ht_detect.h"

namespace ht {

// The elements of an output as they lie in memory.
struct OutputElements {
  int32_t type = HT_VALUES_F32;
  std::vector<float> scales;         // of integers: one, or one an index of the axis
  std::vector<int32_t> zero_points;  // as many
  std::optional<size_t> axis;        // of several scales
  bool channels_last = false;        // the second axis lies behind all others, as feature maps' channels do
};

// A function that parameters refer to, and the file of kernels/c that defines it.
struct KernelFunction {
  std::string_view name;
  std::string_view file;  // "ht_head_yolox.c"
};

class HeadKernel {
 public:
  // `elements` are those of config.outputs in that order. kUnsupported, in a sentence that says what the kernels cannot read, where
  // sizes exceed 32 bits or scales do not go along with a location's values.
  static Result<HeadKernel> make(const HeadConfig& config, std::span<const OutputElements> elements);
  // All outputs are floats that lie as their shapes say.
  static Result<HeadKernel> make(const HeadConfig& config);

  // They refer to this object's memory. For generated code: every pointer in them is null or to a function that function_at() names,
  // to `level_count` levels, to an element of config.outputs' number of outputs, or to four priors a location of the only level.
  ht_detect_params parameters() const;
  size_t output_count() const { return outputs_.size(); }
  // How many candidates there can be.
  int64_t most_candidates() const;

 private:
  ht_detect_params parameters_{};
  std::vector<ht_detect_level> levels_;
  std::vector<OutputElements> elements_;
  std::vector<ht_detect_output> outputs_;
  std::vector<float> priors_;
};

// Nothing named for null.
KernelFunction name_of(ht_detect_function function);
KernelFunction name_of(ht_detect_boxes function);
KernelFunction name_of(ht_detect_names function);

}  // namespace ht
