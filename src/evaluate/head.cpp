// SPDX-License-Identifier: Apache-2.0
#include "evaluate/head.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "base/checked.h"
#include "evaluate/heads/family.h"

namespace ht {
namespace {

// In the order in which guess_head tries them: the strictest first.
constexpr std::array<HeadFamily, 8> kFamilies = {{
    {"yolox", yolox::resolve, yolox::decode, yolox::suggest},
    {"nanodet", nanodet::resolve, nanodet::decode, nanodet::suggest},
    {"fastestdet", fastestdet::resolve, fastestdet::decode, fastestdet::suggest},
    {"yolov8", yolov8::resolve, yolov8::decode, yolov8::suggest},
    {"yolov5", nullptr, nullptr, nullptr},
    {"ssd", nullptr, nullptr, nullptr},
    {"yolo-fastestv2", nullptr, nullptr, nullptr},
    {"boxes", nullptr, nullptr, nullptr},
}};

constexpr size_t kMostOutputs = 64;

template <class Value>
struct Word {
  Value value;
  std::string_view name;
};
constexpr std::array<Word<BoxForm>, 3> kBoxForms = {
    {{BoxForm::kCells, "cells"}, {BoxForm::kPixels, "pixels"}, {BoxForm::kFractions, "fractions"}}};
constexpr std::array<Word<ScoreForm>, 2> kScoreForms = {{{ScoreForm::kProbability, "probability"}, {ScoreForm::kLogit, "logit"}}};
constexpr std::array<Word<HeadLayout>, 5> kLayouts = {{{HeadLayout::kRows, "rows"},
                                                       {HeadLayout::kColumns, "columns"},
                                                       {HeadLayout::kMaps, "maps"},
                                                       {HeadLayout::kSplitMaps, "split-maps"},
                                                       {HeadLayout::kSplitRows, "split-rows"}}};

template <class Words, class Value>
std::string_view name_in(const Words& words, Value value) {
  return std::find_if(words.begin(), words.end(), [&](const auto& word) { return word.value == value; })->name;
}

template <class Value, size_t kCount>
std::optional<Value> value_in(const std::array<Word<Value>, kCount>& words, std::string_view name) {
  const auto found = std::find_if(words.begin(), words.end(), [&](const auto& word) { return word.name == name; });
  return found == words.end() ? std::nullopt : std::optional(found->value);
}

Result<const HeadFamily*> find_family(std::string_view name) {
  const auto found =
      std::find_if(kFamilies.begin(), kFamilies.end(), [&](const HeadFamily& family) { return family.name == name; });
  if (found == kFamilies.end()) return input_error("there is no head \"{}\"; use one of {}", name, fmt::join(head_names(), ", "));
  if (!found->resolve) return unsupported("the head \"{}\" is not built yet; built are {}", name, fmt::join(head_names(), ", "));
  return &*found;
}

Status check(const DetectionTask& task, InputSize input) {
  constexpr int kMostClasses = 100000, kLargestSide = 1 << 15;
  if (task.class_count < 1 || task.class_count > kMostClasses) {
    return input_error("the number of classes is {}, expected 1 to {}", task.class_count, kMostClasses);
  }
  if (input.height < 1 || input.width < 1 || input.height > kLargestSide || input.width > kLargestSide) {
    return input_error("the input of {} x {} is no picture of up to {} pixels a side", input.height, input.width, kLargestSide);
  }
  for (int stride : task.strides) {
    if (stride < 1 || stride > kLargestSide) return input_error("'strides' holds {}, expected positive numbers", stride);
  }
  if (task.strides.size() > 16) return input_error("'strides' holds {} numbers, expected at most 16", task.strides.size());
  if (!std::isfinite(task.score_threshold)) return input_error("'score_threshold' must be finite");
  if (!(task.nms_threshold >= 0 && task.nms_threshold <= 1)) return input_error("'nms_threshold' must be within 0 and 1");
  if (task.max_detections < 1) return input_error("'max_detections' is {}, expected at least 1", task.max_detections);
  if (task.center_offset && !std::isfinite(*task.center_offset)) return input_error("'center_offset' must be finite");
  return {};
}

bool sample_fits(const ModelOutput& output) {
  const auto elements = checked_product(output.shape);
  return output.sample.empty() || (elements && *elements == static_cast<int64_t>(output.sample.size()));
}

// The values in the order in which the head reads them, when the outputs are those that it was resolved with.
Result<std::vector<std::span<const float>>> in_order(const HeadConfig& config, std::span<const HeadOutput> outputs) {
  std::vector<std::span<const float>> values;
  for (const HeadInput& wanted : config.outputs) {
    const auto found =
        std::find_if(outputs.begin(), outputs.end(), [&](const HeadOutput& output) { return output.name == wanted.name; });
    if (found == outputs.end()) return input_error("the head reads the output \"{}\", which was not computed", wanted.name);
    const auto elements = checked_product(wanted.shape);
    if (found->shape != wanted.shape || !elements || static_cast<int64_t>(found->data.size()) != *elements) {
      return input_error("the head reads the output \"{}\" as [{}], it is [{}] with {} values", wanted.name,
                         fmt::join(wanted.shape, ", "), fmt::join(found->shape, ", "), found->data.size());
    }
    values.push_back(found->data);
  }
  return values;
}

Box to_photo(const Box& box, const PhotoPlacement& placement) {
  return {static_cast<float>(placement.photo_x(box.x0)), static_cast<float>(placement.photo_y(box.y0)),
          static_cast<float>(placement.photo_x(box.x1)), static_cast<float>(placement.photo_y(box.y1))};
}

Box clipped(const Box& box, float width, float height) {
  return {std::clamp(box.x0, 0.0f, width), std::clamp(box.y0, 0.0f, height), std::clamp(box.x1, 0.0f, width),
          std::clamp(box.y1, 0.0f, height)};
}

}  // namespace

std::vector<std::string_view> head_names() {
  std::vector<std::string_view> names;
  for (const HeadFamily& family : kFamilies) {
    if (family.resolve) names.push_back(family.name);
  }
  return names;
}

std::string_view name_of(BoxForm form) { return name_in(kBoxForms, form); }
std::string_view name_of(ScoreForm form) { return name_in(kScoreForms, form); }
std::string_view name_of(HeadLayout layout) { return name_in(kLayouts, layout); }
std::optional<BoxForm> parse_box_form(std::string_view name) { return value_in(kBoxForms, name); }
std::optional<ScoreForm> parse_score_form(std::string_view name) { return value_in(kScoreForms, name); }
std::optional<HeadLayout> parse_head_layout(std::string_view name) { return value_in(kLayouts, name); }

Result<HeadConfig> resolve_head(const DetectionTask& task, InputSize input, std::span<const ModelOutput> outputs) {
  HT_ASSIGN(const HeadFamily* family, find_family(task.head));
  HT_TRY(check(task, input));
  if (outputs.size() > kMostOutputs)
    return unsupported("the model has {} outputs, a head can have {}", outputs.size(), kMostOutputs);
  for (const ModelOutput& output : outputs) {
    if (!sample_fits(output)) return input_error("the sample of output \"{}\" is not as large as its shape", output.name);
  }
  return family->resolve({task, input, outputs});
}

std::optional<DetectionTask> guess_head(InputSize input, std::span<const ModelOutput> outputs) {
  if (outputs.size() > kMostOutputs) return std::nullopt;
  // COCO's 80 classes are the likeliest; other numbers follow from the outputs' dimensions less what the heads add.
  std::vector<int64_t> class_counts = {80};
  for (const ModelOutput& output : outputs) {
    for (int64_t dimension : output.shape) {
      for (int64_t extra : {0, 4, 5, 32, 64}) class_counts.push_back(dimension - extra);
    }
  }
  for (const HeadFamily& family : kFamilies) {
    if (!family.resolve) continue;
    for (int64_t class_count : class_counts) {
      DetectionTask task;
      task.head = family.name;
      task.class_count = checked_cast<int>(class_count).value_or(0);
      const auto config = resolve_head(task, input, outputs);
      if (!config) continue;
      if (auto suggested = family.suggest(*config)) return suggested;
    }
  }
  return std::nullopt;
}

Result<std::vector<Candidate>> decode_head(const HeadConfig& config, std::span<const HeadOutput> outputs) {
  HT_ASSIGN(const HeadFamily* family, find_family(config.task.head));
  HT_ASSIGN(const auto values, in_order(config, outputs));
  std::vector<Candidate> found;
  family->decode(config, values, found);
  return found;
}

Result<std::vector<Candidate>> detect(const HeadConfig& config, std::span<const HeadOutput> outputs,
                                      const PhotoPlacement& placement, int photo_width, int photo_height) {
  HT_ASSIGN(auto candidates, decode_head(config, outputs));
  for (Candidate& candidate : candidates) {
    candidate.box = to_photo(candidate.box, placement);
    if (config.clip) candidate.box = clipped(candidate.box, static_cast<float>(photo_width), static_cast<float>(photo_height));
  }
  return suppress(candidates, config.task.nms_threshold, config.task.max_detections);
}

}  // namespace ht
