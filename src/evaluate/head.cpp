// SPDX-License-Identifier: Apache-2.0
#include "evaluate/head.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>

#include <fmt/format.h>

#include "base/checked.h"
#include "evaluate/head_kernel.h"
#include "evaluate/heads/family.h"

namespace ht {
namespace {

// In the order in which guess_head tries them: the strictest first.
constexpr std::array<const HeadFamily*, 8> kFamilies = {&yolox::kFamily,  &nanodet::kFamily,        &fastestdet::kFamily,
                                                        &yolov5::kFamily, &yolo_fastestv2::kFamily, &ssd::kFamily,
                                                        &yolov8::kFamily, &boxes::kFamily};

constexpr size_t kMostOutputs = 64;

template <class Value>
struct Word {
  Value value;
  std::string_view name;
};
constexpr std::array<Word<BoxForm>, 3> kBoxForms = {
    {{BoxForm::kCells, "cells"}, {BoxForm::kPixels, "pixels"}, {BoxForm::kFractions, "fractions"}}};
constexpr std::array<Word<ScoreForm>, 3> kScoreForms = {
    {{ScoreForm::kProbability, "probability"}, {ScoreForm::kLogit, "logit"}, {ScoreForm::kSoftmax, "softmax"}}};

template <class Words, class Value>
std::string_view name_in(const Words& words, Value value) {
  return std::find_if(words.begin(), words.end(), [&](const auto& word) { return word.value == value; })->name;
}

template <class Value, size_t kCount>
std::optional<Value> value_in(const std::array<Word<Value>, kCount>& words, std::string_view name) {
  const auto found = std::find_if(words.begin(), words.end(), [&](const auto& word) { return word.name == name; });
  return found == words.end() ? std::nullopt : std::optional(found->value);
}

Error no_family(std::string_view name) {
  return input_error("there is no head \"{}\"; use one of {}", name, fmt::join(head_names(), ", "));
}

bool is_positive(float value) { return value > 0 && std::isfinite(value); }

Status check_boxes_of_grid(const DetectionTask& task) {
  for (const auto& level : task.anchors) {
    for (const Anchor& anchor : level) {
      if (!is_positive(anchor.width) || !is_positive(anchor.height)) return input_error("'anchors' must hold sizes above 0");
    }
  }
  for (const auto* lists : {&task.sizes, &task.ratios}) {
    for (const auto& level : *lists) {
      if (!std::ranges::all_of(level, is_positive)) return input_error("'sizes' and 'ratios' must be above 0");
    }
  }
  if (!std::ranges::all_of(task.steps, is_positive)) return input_error("'steps' must be above 0");
  if (!std::ranges::all_of(task.variances, is_positive)) return input_error("'variances' must be above 0");
  for (const Prior& prior : task.priors) {
    const bool finite = std::isfinite(prior.x) && std::isfinite(prior.y);
    if (!finite || !is_positive(prior.width) || !is_positive(prior.height)) {
      return input_error("'priors' must hold a centre and a size above 0");
    }
  }
  return {};
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
  return check_boxes_of_grid(task);
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

// The numbers of classes that follow from the outputs' dimensions less what the head adds.
std::vector<int> possible_counts(const HeadFamily& family, std::span<const ModelOutput> outputs) {
  std::vector<int> counts;
  for (const ModelOutput& output : outputs) {
    for (int64_t dimension : output.shape) {
      for (int64_t count : family.class_counts(dimension)) {
        const int narrow = checked_cast<int>(count).value_or(0);
        if (narrow > 0 && std::ranges::find(counts, narrow) == counts.end()) counts.push_back(narrow);
      }
    }
  }
  return counts;
}

// The candidates in a kernel's form, in memory of their own; `room` bounds them.
struct Found {
  std::unique_ptr<ht_candidate[]> items;
  int32_t count = 0;

  std::span<ht_candidate> all() const { return {items.get(), static_cast<size_t>(count)}; }
};

Result<Found> find(const HeadConfig& config, std::span<const HeadOutput> outputs, const ht_detect_place* place, std::optional<int> room) {
  // Few photos have more candidates than that; those that do are read once more with as much memory as it takes.
  constexpr int64_t kUsual = 1 << 14;
  HT_ASSIGN(const auto values, in_order(config, outputs));
  HT_ASSIGN(const HeadKernel kernel, HeadKernel::make(config));
  std::vector<const void*> data;
  for (std::span<const float> own : values) data.push_back(own.data());
  const ht_detect_params parameters = kernel.parameters();
  int64_t capacity = std::min<int64_t>(kernel.most_candidates(), room.value_or(kUsual));
  while (true) {
    Found found{std::make_unique_for_overwrite<ht_candidate[]>(static_cast<size_t>(capacity)), 0};
    ht_candidates candidates{found.items.get(), static_cast<int32_t>(capacity), 0, 0, false};
    ht_detect_find(&parameters, data.data(), place, &candidates);
    found.count = candidates.count;
    if (room || candidates.found <= candidates.capacity) return found;
    capacity = candidates.found;
  }
}

}  // namespace

const HeadFamily* find_family(std::string_view name) {
  const auto found = std::ranges::find(kFamilies, name, &HeadFamily::name);
  return found == kFamilies.end() ? nullptr : *found;
}

std::vector<std::string_view> head_names() {
  std::vector<std::string_view> names;
  for (const HeadFamily* family : kFamilies) names.push_back(family->name);
  return names;
}

std::string_view name_of(BoxForm form) { return name_in(kBoxForms, form); }
std::string_view name_of(ScoreForm form) { return name_in(kScoreForms, form); }
std::optional<BoxForm> parse_box_form(std::string_view name) { return value_in(kBoxForms, name); }
std::optional<ScoreForm> parse_score_form(std::string_view name) { return value_in(kScoreForms, name); }

Result<HeadConfig> resolve_head(const DetectionTask& task, InputSize input, std::span<const ModelOutput> outputs) {
  const HeadFamily* family = find_family(task.head);
  if (!family) return no_family(task.head);
  HT_TRY(check(task, input));
  if (outputs.size() > kMostOutputs)
    return unsupported("the model has {} outputs, a head can have {}", outputs.size(), kMostOutputs);
  for (const ModelOutput& output : outputs) {
    if (!sample_fits(output)) return input_error("the sample of output \"{}\" is not as large as its shape", output.name);
  }
  if (task.scores == ScoreForm::kSoftmax && !family->reads_softmax)
    return input_error("'scores' in [task] is \"softmax\", but the head \"{}\" has a sigmoid a class; use \"logit\"", task.head);
  return family->resolve({task, input, outputs});
}

std::optional<DetectionTask> guess_head(InputSize input, std::span<const ModelOutput> outputs,
                                        const std::optional<DetectionTask>& stated) {
  if (outputs.size() > kMostOutputs) return std::nullopt;
  const auto guess = [&](const HeadFamily& family, int class_count) -> std::optional<DetectionTask> {
    DetectionTask task = stated.value_or(DetectionTask{});
    task.head = family.name;
    task.class_count = class_count;
    const auto config = resolve_head(task, input, outputs);
    return config ? family.suggest({task, input, outputs}, *config) : std::nullopt;
  };
  // COCO's 80 classes are the likeliest, whatever the head.
  constexpr int kCocoClasses = 80;
  for (const HeadFamily* family : kFamilies) {
    if (auto found = guess(*family, stated ? stated->class_count : kCocoClasses)) return found;
  }
  for (const HeadFamily* family : kFamilies) {
    for (int count : stated ? std::vector<int>{} : possible_counts(*family, outputs)) {
      if (auto found = guess(*family, count)) return found;
    }
  }
  return std::nullopt;
}

Result<std::vector<Candidate>> decode_head(const HeadConfig& config, std::span<const HeadOutput> outputs) {
  HT_ASSIGN(const Found found, find(config, outputs, nullptr, {}));
  std::vector<Candidate> candidates;
  for (const ht_candidate& candidate : found.all()) candidates.push_back(to_candidate(candidate.box));
  return candidates;
}

Result<std::vector<Candidate>> detect(const HeadConfig& config, std::span<const HeadOutput> outputs,
                                      const PhotoPlacement& placement, int photo_width, int photo_height, std::optional<int> room) {
  const ht_detect_place place{placement.scale_x,  placement.scale_y,         placement.offset_x,
                              placement.offset_y, static_cast<float>(photo_width), static_cast<float>(photo_height)};
  HT_ASSIGN(const Found found, find(config, outputs, &place, room));
  return suppress(found.all(), config.task.nms_threshold, config.task.max_detections);
}

}  // namespace ht
