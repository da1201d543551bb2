// SPDX-License-Identifier: Apache-2.0
// Three anchors a cell that share their classes: 12 box values, 3 objectnesses, then the classes, through sigmoid and softmax
// already or not. All cells in one output [cells, 15 + classes], or one output a stride, [1, height, width, 15 + classes] or
// [1, 15 + classes, height, width].
#include "evaluate/heads/parts.h"

#include <fmt/format.h>

namespace ht::yolo_fastestv2 {
namespace {

constexpr int64_t kAnchors = 3;
constexpr int64_t kObjectness = 4 * kAnchors;
constexpr int64_t kBoxValues = 5 * kAnchors;

// Those of the published model, for strides 16 and 32.
std::vector<std::vector<Anchor>> usual_anchors() {
  return {{{12.64f, 19.39f}, {37.88f, 51.48f}, {55.71f, 138.31f}}, {{126.91f, 78.23f}, {131.57f, 214.55f}, {279.92f, 258.87f}}};
}

std::optional<HeadConfig> fit(const HeadRequest& request, HeadConfig config, HeadLayout layout) {
  const int64_t values = kBoxValues + config.task.class_count;
  const auto all = grids(config.task.strides, config.input);
  config.layout = layout;
  OutputFinder finder(request.outputs);
  if (layout == HeadLayout::kRows) {
    const ModelOutput* output = finder.take({total_cells(all), values});
    if (!output) return std::nullopt;
    add_output(config, *output);
    return config;
  }
  for (const Grid& grid : all) {
    const ModelOutput* output = nullptr;
    if (layout == HeadLayout::kMaps) {
      output = finder.take({1, values, grid.height, grid.width});
    } else {
      output = finder.take({1, grid.height, grid.width, values});
      if (!output) output = finder.take({1, grid.cells(), values});
    }
    if (!output) return std::nullopt;
    add_output(config, *output);
  }
  return config;
}

// Scores that are not activated are softmax's logits, as the family trains them.
ScoreForm score_form(const HeadRequest& request, const HeadConfig& config) {
  ScoreForm form = ScoreForm::kProbability;
  if (const auto sample = samples(config, request.outputs)) {
    for (const Level& level : levels(config, *sample, kBoxValues, false)) {
      const bool within = within_unit(level.boxes, level.locations, kObjectness, kAnchors) &&
                          within_unit(level.classes, level.locations, 0, config.task.class_count);
      if (!within) form = ScoreForm::kSoftmax;
    }
  }
  form = stated_scores(config, request.outputs).value_or(form);
  return form == ScoreForm::kLogit && !config.task.scores ? ScoreForm::kSoftmax : form;
}

Result<HeadConfig> resolve(const HeadRequest& request) {
  HeadConfig config = start_config(request, request.task.strides.empty() ? std::vector<int>{16, 32} : request.task.strides);
  config.boxes = BoxForm::kCells;
  if (config.task.anchors.empty()) config.task.anchors = usual_anchors();
  const auto three = [](const auto& list) { return static_cast<int64_t>(list.size()) == kAnchors; };
  if (config.task.anchors.size() != config.task.strides.size() || !std::ranges::all_of(config.task.anchors, three)) {
    return input_error("the head \"yolo-fastestv2\" needs 'anchors' in [task]: for each of its {} strides three of [width, height]",
                       config.task.strides.size());
  }
  std::optional<HeadConfig> found;
  for (HeadLayout layout : {HeadLayout::kRows, HeadLayout::kStrideRows, HeadLayout::kMaps}) {
    if (!found) found = fit(request, config, layout);
  }
  if (!found) {
    const int64_t values = kBoxValues + config.task.class_count, cells = total_cells(grids(config.task.strides, config.input));
    return misfit(request, fmt::format("one output [{}, {}] for the strides {}, or for each stride one output [1, height, width, {}] "
                                       "or [1, {}, height, width]",
                                       cells, values, fmt::join(config.task.strides, ", "), values, values));
  }
  found->scores = score_form(request, *found);
  return std::move(*found);
}

HeadParts parts(const HeadConfig& config) {
  HeadParts parts;
  const bool raw = config.scores != ScoreForm::kProbability;
  set_class_scores(parts.params, config.scores, config.task.class_count, Background::kNone);
  parts.params.object_function = parts.params.box_function = sigmoid_if(raw);
  parts.params.boxes = ht_boxes_anchored;
  for (const LevelView& views : level_views(config, kBoxValues, false)) {
    for (int64_t anchor = 0; anchor < kAnchors; ++anchor) {
      HeadLevel level{views, views.boxes.from_value(kObjectness + anchor), {}, {}};
      level.views.boxes = views.boxes.from_value(4 * anchor);
      level.anchor = config.task.anchors[views.number][static_cast<size_t>(anchor)];
      parts.levels.push_back(level);
    }
  }
  return parts;
}

std::optional<DetectionTask> suggest(const HeadRequest& request, const HeadConfig& config) {
  if (!reads_all(request, config)) return std::nullopt;
  DetectionTask task = config.task;
  task.nms_threshold = 0.6f;
  return task;
}

std::vector<int64_t> class_counts(int64_t dimension) { return {dimension - kBoxValues}; }

}  // namespace

const HeadFamily kFamily = {"yolo-fastestv2", resolve, parts, suggest, class_counts, true};

}  // namespace ht::yolo_fastestv2
