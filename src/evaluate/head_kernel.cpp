// SPDX-License-Identifier: Apache-2.0
#include "evaluate/head_kernel.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/checked.h"
#include "evaluate/heads/parts.h"

namespace ht {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// What a value may be after a function.
struct Bounds {
  float low = 1;
  float high = 1;
};

struct IntegerBounds {
  int32_t low = 0;
  int32_t high = 0;
};

IntegerBounds bounds_of(int32_t type) {
  if (type == HT_VALUES_S8) return {INT8_MIN, INT8_MAX};
  if (type == HT_VALUES_U8) return {0, UINT8_MAX};
  return {INT16_MIN, INT16_MAX};
}

float applied(ht_detect_function function, float value) { return function ? function(value) : value; }

float value_of(const OutputElements& elements, size_t channel, int32_t q) {
  return static_cast<float>(q - elements.zero_points[channel]) * elements.scales[channel];
}

Bounds bounds(const OutputElements& elements, ht_detect_function function) {
  if (function == ht_head_sigmoid) return {0, 1};
  if (elements.type == HT_VALUES_F32 || elements.scales.size() > 1) return {-kInfinity, kInfinity};
  Bounds result{kInfinity, -kInfinity};
  const IntegerBounds all = bounds_of(elements.type);
  for (int32_t q = all.low; q <= all.high; ++q) {
    const float value = applied(function, value_of(elements, 0, q));
    result = {std::min(result.low, value), std::max(result.high, value)};
  }
  return result;
}

// The least integer of a factor of the score for which the score may be above the threshold, the other factor being within bounds.
// A rounded product rises or falls with each of its factors, so the bounds give its extremes.
int32_t least_integer(const OutputElements& elements, int64_t channel, ht_detect_function function, Bounds other, float threshold) {
  if (elements.type == HT_VALUES_F32) return INT32_MIN;
  const size_t k = elements.scales.size() == 1 ? 0 : static_cast<size_t>(channel);
  const IntegerBounds all = bounds_of(elements.type);
  for (int32_t q = all.low; q <= all.high; ++q) {
    const float value = applied(function, value_of(elements, k, q));
    const bool below = value * other.low <= threshold && value * other.high <= threshold;
    if (!below) return q;
  }
  return all.high + 1;
}

Status check(const OutputElements& elements, const HeadInput& output) {
  if (elements.type == HT_VALUES_F32) return {};
  const IntegerBounds all = bounds_of(elements.type);
  if (elements.scales.empty() || elements.scales.size() != elements.zero_points.size())
    return usage_error("the output \"{}\" has {} scales and {} zero points", output.name, elements.scales.size(), elements.zero_points.size());
  for (size_t k = 0; k < elements.scales.size(); ++k) {
    const bool inside = elements.zero_points[k] >= all.low && elements.zero_points[k] <= all.high;
    const bool finite = elements.scales[k] > 0 && std::isfinite(elements.scales[k] * static_cast<float>(all.high - all.low));
    if (!inside || !finite)
      return unsupported("the output \"{}\" has the scale {} and the zero point {}", output.name, elements.scales[k], elements.zero_points[k]);
  }
  return {};
}

Result<ht_detect_view> lowered(const View& view, std::span<const OutputElements> elements, const HeadConfig& config) {
  ht_detect_view result{-1, 0, 0, 0, 0};
  if (view.output < 0) return result;
  const OutputElements& own = elements[static_cast<size_t>(view.output)];
  const HeadInput& output = config.outputs[static_cast<size_t>(view.output)];
  const size_t rank = output.shape.size(), values_axis = view.rows ? rank - 1 : 1;
  const bool moved = own.channels_last && rank > 2;
  // With its second axis behind the others, what was values of locations of one axis is the other way round.
  const bool simple = rank == 3 || (rank == 4 && !view.rows);
  if (moved && (!simple || output.shape[values_axis] != view.values))
    return unsupported("the output \"{}\" of {} axes lies in memory with its second axis behind the others", output.name, rank);
  const bool rows = view.rows != moved;
  if (own.scales.size() > 1 && (own.axis != values_axis || static_cast<int64_t>(own.scales.size()) != view.values)) {
    return unsupported("the output \"{}\" has {} scales along another axis than that of its {} values a place; quantize it with one scale, "
                       "or keep the head in float",
                       output.name, own.scales.size(), view.values);
  }
  const int64_t location_step = rows ? view.values : 1, value_step = rows ? 1 : view.locations;
  result.output = view.output;
  result.first = static_cast<int32_t>(view.first_location * location_step + view.first_value * value_step);
  result.location_step = static_cast<int32_t>(location_step);
  result.value_step = static_cast<int32_t>(value_step);
  result.channel = static_cast<int32_t>(view.first_value);
  return result;
}

Result<ht_detect_level> lowered(const HeadLevel& level, std::span<const OutputElements> elements, const HeadConfig& config) {
  ht_detect_level result{};
  const Grid& grid = level.views.grid;
  result.locations = static_cast<int32_t>(level.views.locations);
  result.grid_width = static_cast<int32_t>(std::max<int64_t>(grid.width, 1));
  result.grid_height = static_cast<int32_t>(std::max<int64_t>(grid.height, 1));
  result.stride = static_cast<float>(grid.stride);
  result.anchor_width = level.anchor.width;
  result.anchor_height = level.anchor.height;
  HT_ASSIGN(result.boxes, lowered(level.views.boxes, elements, config));
  HT_ASSIGN(result.classes, lowered(level.views.classes, elements, config));
  HT_ASSIGN(result.object, lowered(level.object, elements, config));
  HT_ASSIGN(result.more, lowered(level.more, elements, config));
  result.least_object = result.least_class = INT32_MIN;
  return result;
}

void set_least_integers(const ht_detect_params& p, std::span<const OutputElements> elements, ht_detect_level& level) {
  if (p.names) return;
  const OutputElements& classes = elements[static_cast<size_t>(level.classes.output)];
  const bool softmax = p.softmax_columns > 0, objects = level.object.output >= 0;
  Bounds object;
  if (objects) {
    const OutputElements& own = elements[static_cast<size_t>(level.object.output)];
    const Bounds of_class = softmax ? Bounds{0, 1} : bounds(classes, p.class_function);
    level.least_object = least_integer(own, level.object.channel, p.object_function, of_class, p.score_threshold);
    object = bounds(own, p.object_function);
  }
  if (!softmax && classes.scales.size() == 1) level.least_class = least_integer(classes, 0, p.class_function, object, p.score_threshold);
}

void set_numbers(const HeadConfig& config, ht_detect_params& p) {
  const bool fractions = config.boxes == BoxForm::kFractions;
  p.class_count = config.task.class_count;
  p.bins = config.bins;
  p.input_width = static_cast<float>(config.input.width);
  p.input_height = static_cast<float>(config.input.height);
  p.unit_x = fractions ? p.input_width : 1.0f;
  p.unit_y = fractions ? p.input_height : 1.0f;
  p.score_threshold = config.task.score_threshold;
  p.nms_threshold = config.task.nms_threshold;
  p.max_detections = config.task.max_detections;
  p.multi_label = config.task.multi_label;
  p.clip = config.clip;
}

struct NamedFunction {
  bool matches;
  KernelFunction function;
};

KernelFunction first_match(std::initializer_list<NamedFunction> all) {
  for (const NamedFunction& named : all) {
    if (named.matches) return named.function;
  }
  return {};
}

}  // namespace

Result<HeadKernel> HeadKernel::make(const HeadConfig& config, std::span<const OutputElements> elements) {
  const HeadFamily* family = find_family(config.task.head);
  if (!family) return input_error("there is no head \"{}\"", config.task.head);
  if (elements.size() != config.outputs.size())
    return usage_error("the head reads {} outputs, elements of {} are described", config.outputs.size(), elements.size());
  for (size_t i = 0; i < elements.size(); ++i) {
    const auto count = checked_product(config.outputs[i].shape);
    if (!count || *count > INT32_MAX) return unsupported("the output \"{}\" has more than 2^31 - 1 values", config.outputs[i].name);
    HT_TRY(check(elements[i], config.outputs[i]));
  }
  HeadKernel kernel;
  HeadParts parts = family->parts(config);
  kernel.parameters_ = parts.params;
  set_numbers(config, kernel.parameters_);
  kernel.priors_ = std::move(parts.priors);
  kernel.elements_.assign(elements.begin(), elements.end());
  for (const HeadLevel& level : parts.levels) {
    HT_ASSIGN(ht_detect_level own, lowered(level, elements, config));
    set_least_integers(kernel.parameters_, elements, own);
    kernel.levels_.push_back(own);
  }
  for (const OutputElements& own : kernel.elements_)
    kernel.outputs_.push_back({own.type, own.scales.size() > 1 ? 1 : 0, own.scales.data(), own.zero_points.data()});
  return kernel;
}

Result<HeadKernel> HeadKernel::make(const HeadConfig& config) {
  return make(config, std::vector<OutputElements>(config.outputs.size()));
}

ht_detect_params HeadKernel::parameters() const {
  ht_detect_params p = parameters_;
  p.level_count = static_cast<int32_t>(levels_.size());
  p.levels = levels_.data();
  p.outputs = outputs_.data();
  p.priors = priors_.empty() ? nullptr : priors_.data();
  return p;
}

int64_t HeadKernel::most_candidates() const {
  int64_t locations = 0;
  for (const ht_detect_level& level : levels_) locations += level.locations;
  return locations * (parameters_.multi_label && !parameters_.names ? parameters_.class_count : 1);
}

KernelFunction name_of(ht_detect_function function) {
  return first_match({{function == ht_head_sigmoid, {"ht_head_sigmoid", "ht_head_sigmoid.c"}},
                      {function == ht_head_object_power, {"ht_head_object_power", "ht_head_fastestdet.c"}},
                      {function == ht_head_class_power, {"ht_head_class_power", "ht_head_fastestdet.c"}}});
}

KernelFunction name_of(ht_detect_boxes function) {
  return first_match({{function == ht_boxes_decoded, {"ht_boxes_decoded", "ht_head_decoded.c"}},
                      {function == ht_boxes_yolox, {"ht_boxes_yolox", "ht_head_yolox.c"}},
                      {function == ht_boxes_anchored, {"ht_boxes_anchored", "ht_head_anchored.c"}},
                      {function == ht_boxes_sides, {"ht_boxes_sides", "ht_head_sides.c"}},
                      {function == ht_boxes_distances, {"ht_boxes_distances", "ht_head_sides.c"}},
                      {function == ht_boxes_fastestdet, {"ht_boxes_fastestdet", "ht_head_fastestdet.c"}},
                      {function == ht_boxes_priors, {"ht_boxes_priors", "ht_head_priors.c"}}});
}

KernelFunction name_of(ht_detect_names function) {
  return first_match({{function == ht_names_listed, {"ht_names_listed", "ht_head_listed.c"}},
                      {function == ht_names_selected, {"ht_names_selected", "ht_head_listed.c"}}});
}

}  // namespace ht
