// SPDX-License-Identifier: Apache-2.0
// Boxes of [centre, size, objectness, classes] for each anchor of each cell: decoded, or through sigmoid only, in one output
// [1, boxes, 5 + classes], anchor after anchor within a stride; or raw, as one map a stride [1, anchors * (5 + classes), height,
// width] or [1, anchors, height, width, 5 + classes].
#include "evaluate/heads/parts.h"

#include <fmt/format.h>

namespace ht::yolov5 {
namespace {

using AnchorLists = std::vector<std::vector<Anchor>>;

constexpr int64_t kBoxValues = 5;

// YOLOv5's own, for models of three strides and of four.
AnchorLists usual_anchors(size_t strides) {
  if (strides == 3) {
    return {{{10, 13}, {16, 30}, {33, 23}}, {{30, 61}, {62, 45}, {59, 119}}, {{116, 90}, {156, 198}, {373, 326}}};
  }
  if (strides == 4) {
    return {{{19, 27}, {44, 40}, {38, 94}},
            {{96, 68}, {86, 152}, {180, 137}},
            {{140, 301}, {303, 264}, {238, 542}},
            {{436, 615}, {739, 380}, {925, 792}}};
  }
  return {};
}

int64_t per_cell(const HeadConfig& config) { return static_cast<int64_t>(config.task.anchors.front().size()); }

std::optional<HeadConfig> resolve_rows(const HeadRequest& request, HeadConfig config) {
  const int64_t boxes = per_cell(config) * total_cells(grids(config.task.strides, config.input));
  const ModelOutput* output = OutputFinder(request.outputs).take({1, boxes, kBoxValues + config.task.class_count});
  if (!output) return std::nullopt;
  config.layout = HeadLayout::kRows;
  add_output(config, *output);
  return config;
}

std::optional<HeadConfig> resolve_strides(const HeadRequest& request, HeadConfig config, HeadLayout layout) {
  const int64_t values = kBoxValues + config.task.class_count;
  config.layout = layout;
  OutputFinder finder(request.outputs);
  for (const Grid& grid : grids(config.task.strides, config.input)) {
    const ModelOutput* output = nullptr;
    if (layout == HeadLayout::kMaps) {
      output = finder.take({1, per_cell(config) * values, grid.height, grid.width});
      if (!output) output = finder.take({1, per_cell(config), values, grid.height, grid.width});
    } else {
      output = finder.take({1, per_cell(config), grid.height, grid.width, values});
    }
    if (!output) return std::nullopt;
    add_output(config, *output);
  }
  return config;
}

// Decoded boxes need neither strides nor anchors, so only stated ones can contradict them.
std::optional<HeadConfig> resolve_decoded(const HeadRequest& request) {
  const int64_t values = kBoxValues + request.task.class_count;
  for (const ModelOutput& output : request.outputs) {
    if (output.shape.size() < 2 || output.shape.back() != values) continue;
    const int64_t boxes = output.shape[output.shape.size() - 2];
    if (boxes < 1 || !OutputFinder(std::span(&output, 1)).take({1, boxes, values})) continue;
    HeadConfig config = start_config(request, {});
    config.layout = HeadLayout::kRows;
    config.boxes = BoxForm::kPixels;
    add_output(config, output);
    return config;
  }
  return std::nullopt;
}

void settle_forms(const HeadRequest& request, HeadConfig& config) {
  const bool rows = config.layout == HeadLayout::kRows, on_grid = !config.task.strides.empty();
  const int64_t anchors = on_grid ? per_cell(config) : 1;
  config.boxes = on_grid ? BoxForm::kCells : BoxForm::kPixels;
  config.scores = rows ? ScoreForm::kProbability : ScoreForm::kLogit;
  const auto sample = samples(config, request.outputs);
  if (sample) {
    const auto all = levels(config, *sample, kBoxValues, false, anchors);
    config.scores = ScoreForm::kProbability;
    float largest = 0;
    for (const Level& level : all) {
      const bool within = within_unit(level.boxes, level.locations, 4, 1) &&
                          within_unit(level.classes, level.locations, 0, config.task.class_count);
      if (!within) config.scores = ScoreForm::kLogit;
      for (int64_t i = 0; i < level.locations; ++i) largest = std::max({largest, level.boxes(i, 0), level.boxes(i, 2)});
    }
    if (rows) {
      const BoxForm of_size = largest < kLargestFraction ? BoxForm::kFractions : BoxForm::kPixels;
      config.boxes = on_grid ? form_of_centres(all) : of_size;
    }
  } else if (rows) {
    config.boxes = BoxForm::kPixels;
  }
  config.scores = stated_scores(config, request.outputs).value_or(config.scores);
  const BoxForm stated = stated_boxes(config, request.outputs).value_or(config.boxes);
  if (rows && (on_grid || stated != BoxForm::kCells)) config.boxes = stated;
}

Result<HeadConfig> with_grid(const HeadRequest& request, const std::vector<int>& strides) {
  HeadConfig config = start_config(request, strides);
  config.boxes = BoxForm::kCells;
  if (config.task.anchors.empty()) config.task.anchors = usual_anchors(strides.size());
  const AnchorLists& anchors = config.task.anchors;
  const bool even = std::ranges::all_of(anchors, [&](const auto& list) { return list.size() == anchors.front().size(); });
  if (anchors.size() != strides.size() || !even || anchors.front().empty()) {
    return input_error("the head \"yolov5\" needs 'anchors' in [task]: for each of its {} strides a list of [width, height], "
                       "all of the same length",
                       strides.size());
  }
  return config;
}

Result<HeadConfig> resolve(const HeadRequest& request) {
  const DetectionTask& task = request.task;
  std::vector<std::vector<int>> choices = {{8, 16, 32}, {8, 16, 32, 64}};
  if (!task.strides.empty()) choices = {task.strides};
  if (task.strides.empty() && !task.anchors.empty()) std::erase_if(choices, [&](const auto& c) { return c.size() != task.anchors.size(); });
  if (choices.empty()) return input_error("'anchors' in [task] has {} lists; name as many 'strides'", task.anchors.size());
  std::optional<HeadConfig> config;
  for (const auto& strides : choices) {
    HT_ASSIGN(const HeadConfig start, with_grid(request, strides));
    if (!config) config = resolve_rows(request, start);
    if (!config) config = resolve_strides(request, start, HeadLayout::kMaps);
    if (!config) config = resolve_strides(request, start, HeadLayout::kStrideRows);
  }
  if (!config && task.strides.empty() && task.boxes != BoxForm::kCells) config = resolve_decoded(request);
  if (!config) {
    HT_ASSIGN(const HeadConfig start, with_grid(request, choices.front()));
    const int64_t values = kBoxValues + task.class_count, anchors = per_cell(start);
    const int64_t boxes = anchors * total_cells(grids(start.task.strides, request.input));
    return misfit(request, fmt::format("one output [1, {}, {}] with {} boxes for the strides {}, or for each stride one output "
                                       "[1, {}, height, width] or [1, {}, height, width, {}]",
                                       task.strides.empty() ? "boxes" : std::to_string(boxes), values, boxes,
                                       fmt::join(start.task.strides, ", "), anchors * values, anchors, values));
  }
  config->clip = true;
  settle_forms(request, *config);
  return std::move(*config);
}

HeadParts parts(const HeadConfig& config) {
  HeadParts parts;
  const bool cells = config.boxes == BoxForm::kCells;
  parts.params.object_function = parts.params.class_function = sigmoid_if(config.scores == ScoreForm::kLogit);
  parts.params.box_function = parts.params.object_function;
  parts.params.boxes = cells ? ht_boxes_anchored : ht_boxes_decoded;
  parts.params.order = HT_ORDER_CXCYWH;
  const int64_t anchors = config.task.anchors.empty() ? 1 : per_cell(config);
  parts.levels = plain(level_views(config, kBoxValues, false, anchors));
  for (HeadLevel& level : parts.levels) {
    level.object = level.views.boxes.from_value(4);
    if (cells) level.anchor = config.task.anchors[level.views.number][level.views.anchor];
  }
  return parts;
}

std::optional<DetectionTask> suggest(const HeadRequest& request, const HeadConfig& config) {
  // Decoded boxes of an unknown grid could as well be another family's, and so could maps that several layers make.
  if (config.task.strides.empty()) return std::nullopt;
  if (has_boxes_beside(request, config, per_cell(config) * total_cells(grids(config.task.strides, config.input)))) return std::nullopt;
  if (config.layout != HeadLayout::kRows) {
    const ModelOutput& map = *find_output(request.outputs, config.outputs[0].name);
    const int64_t values = per_cell(config) * (kBoxValues + config.task.class_count);
    const bool joined = config.layout == HeadLayout::kMaps && map.first_part > 0 && map.first_part < values;
    if (!reads_all(request, config) || joined) return std::nullopt;
  }
  DetectionTask task = config.task;
  if (config.boxes != BoxForm::kCells) task.anchors.clear();
  task.nms_threshold = 0.6f;
  return task;
}

std::vector<int64_t> class_counts(int64_t dimension) {
  constexpr int64_t kAnchors = 3;
  std::vector<int64_t> counts = {dimension - kBoxValues};
  if (dimension % kAnchors == 0) counts.push_back(dimension / kAnchors - kBoxValues);
  return counts;
}

}  // namespace

const HeadFamily kFamily = {"yolov5", resolve, parts, suggest, class_counts};

}  // namespace ht::yolov5
