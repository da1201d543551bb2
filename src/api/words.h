// SPDX-License-Identifier: Apache-2.0
// The words of a recipe for each enumeration of the public interface, in the order of its values, and for a node.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "halftone/recipe.h"

namespace ht {

using Word = std::string_view;

constexpr auto words_of(halftone::Resize) { return std::array<Word, 4>{"letterbox", "stretch", "center-crop", "none"}; }
constexpr auto words_of(halftone::Place) { return std::array<Word, 2>{"top-left", "center"}; }
constexpr auto words_of(halftone::ColorOrder) { return std::array<Word, 3>{"bgr", "rgb", "gray"}; }
constexpr auto words_of(halftone::Interpolation) { return std::array<Word, 4>{"bilinear", "area", "nearest", "cubic"}; }
constexpr auto words_of(halftone::Layout) { return std::array<Word, 2>{"nchw", "nhwc"}; }
constexpr auto words_of(halftone::InputType) { return std::array<Word, 3>{"float32", "uint8", "int8"}; }
constexpr auto words_of(halftone::TaskType) { return std::array<Word, 3>{"detection", "classification", "none"}; }
constexpr auto words_of(halftone::BoxForm) { return std::array<Word, 3>{"cells", "pixels", "fractions"}; }
constexpr auto words_of(halftone::ScoreForm) { return std::array<Word, 3>{"probability", "logit", "softmax"}; }
constexpr auto words_of(halftone::Background) { return std::array<Word, 3>{"none", "first", "last"}; }
constexpr auto words_of(halftone::BoxOrder) { return std::array<Word, 5>{"xyxy", "yxyx", "xywh", "cxcywh", "cycxhw"}; }
constexpr auto words_of(halftone::Ranges) { return std::array<Word, 5>{"mse", "minmax", "percentile", "entropy", "average"}; }
constexpr auto words_of(halftone::Granularity) { return std::array<Word, 2>{"channel", "tensor"}; }
constexpr auto words_of(halftone::HeadTreatment) { return std::array<Word, 2>{"float", "quantize"}; }
constexpr auto words_of(halftone::Rounding) { return std::array<Word, 4>{"nearest", "gptq", "descent", "least-squares"}; }
constexpr auto words_of(halftone::Prefer) { return std::array<Word, 2>{"accuracy", "latency"}; }

// A pattern of keep_float or [[quantize.layer]] that matches the name and nothing else.
inline std::string pattern_of(std::string_view name) {
  std::string pattern;
  for (const char c : name) {
    if (std::string_view("*?[\\").find(c) != std::string_view::npos) pattern += '\\';
    pattern += c;
  }
  return pattern;
}

template <class Enum>
constexpr Word word_of(Enum value) {
  return words_of(value)[static_cast<size_t>(value)];
}

}  // namespace ht
