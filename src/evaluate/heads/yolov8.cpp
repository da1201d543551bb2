// SPDX-License-Identifier: Apache-2.0
// Decoded: one output [1, 4 + classes, boxes] (or the last two axes exchanged), boxes as centre and size. Raw: 4 sides * 16 bins
// and classes, as a map a stride, as two maps a stride, or for all strides in one output; a side is the mean of a distribution.
#include <array>

#include <fmt/format.h>

#include "evaluate/heads/parts.h"

namespace ht::yolov8 {
namespace {

constexpr int kBins = 16;
constexpr int64_t kSideValues = 4 * kBins;
constexpr std::array kUsualStrides = {8, 16, 32};

int64_t box_values(const HeadConfig& config) { return config.boxes == BoxForm::kCells ? kSideValues : 4; }

// One output with `values` a box, in columns as exporters write it, or in rows.
std::optional<HeadConfig> resolve_flat(const HeadRequest& request, const std::vector<int>& strides, int64_t values,
                                       std::optional<int64_t> boxes) {
  for (const ModelOutput& output : request.outputs) {
    if (output.shape.size() < 2) continue;
    const int64_t last = output.shape.back(), before = output.shape[output.shape.size() - 2];
    for (HeadLayout layout : {HeadLayout::kColumns, HeadLayout::kRows}) {
      const bool columns = layout == HeadLayout::kColumns;
      const int64_t found = columns ? last : before;
      if ((columns ? before : last) != values || found < 1 || (boxes && found != *boxes)) continue;
      if (!OutputFinder(std::span(&output, 1)).take({1, before, last})) continue;
      HeadConfig config = start_config(request, strides);
      config.layout = layout;
      add_output(config, output);
      return config;
    }
  }
  return std::nullopt;
}

std::optional<HeadConfig> resolve_maps(const HeadRequest& request, const std::vector<int>& strides, bool split) {
  const int64_t classes = request.task.class_count;
  HeadConfig config = start_config(request, strides);
  config.layout = split ? HeadLayout::kSplitMaps : HeadLayout::kMaps;
  OutputFinder finder(request.outputs);
  for (const Grid& grid : grids(strides, request.input)) {
    const ModelOutput* boxes = finder.take({1, split ? kSideValues : kSideValues + classes, grid.height, grid.width});
    if (!boxes) return std::nullopt;
    add_output(config, *boxes);
    if (!split) continue;
    const ModelOutput* scores = finder.take({1, classes, grid.height, grid.width});
    if (!scores) return std::nullopt;
    add_output(config, *scores);
  }
  return config;
}

void settle_forms(const HeadRequest& request, HeadConfig& config) {
  const bool raw = config.boxes == BoxForm::kCells;
  config.scores = raw ? ScoreForm::kLogit : ScoreForm::kProbability;
  if (const auto sample = samples(config, request.outputs)) {
    bool probabilities = true;
    float largest = 0;
    for (const Level& level : levels(config, *sample, box_values(config), false)) {
      probabilities = probabilities && within_unit(level.classes, level.locations, 0, config.task.class_count);
      for (int64_t i = 0; i < level.locations; ++i) largest = std::max({largest, level.boxes(i, 0), level.boxes(i, 1), level.boxes(i, 2), level.boxes(i, 3)});
    }
    config.scores = probabilities ? ScoreForm::kProbability : ScoreForm::kLogit;
    if (!raw && largest < kLargestFraction) config.boxes = BoxForm::kFractions;
  }
  config.scores = stated_scores(config, request.outputs).value_or(config.scores);
  const auto stated = stated_boxes(config, request.outputs);
  if (!raw && stated && *stated != BoxForm::kCells) config.boxes = *stated;
}

Result<HeadConfig> resolve(const HeadRequest& request) {
  const std::vector<int>& stated = request.task.strides;
  const std::vector<int> strides = stated.empty() ? std::vector<int>(kUsualStrides.begin(), kUsualStrides.end()) : stated;
  const int64_t classes = request.task.class_count;
  const int64_t cells = total_cells(grids(strides, request.input));
  BoxForm boxes = BoxForm::kPixels;
  // Decoded boxes need no strides, so only stated ones can contradict them.
  auto config = resolve_flat(request, stated, 4 + classes, stated.empty() ? std::nullopt : std::optional(cells));
  if (!config) {
    boxes = BoxForm::kCells;
    config = resolve_flat(request, strides, kSideValues + classes, cells);
  }
  if (!config) config = resolve_maps(request, strides, false);
  if (!config) config = resolve_maps(request, strides, true);
  if (!config) {
    return misfit(request,
                  fmt::format("one output [1, {}, boxes] with {} boxes for the strides {}, or for each stride one output "
                              "[1, {}, height, width] or two, [1, {}, height, width] and [1, {}, height, width]",
                              4 + classes, cells, fmt::join(strides, ", "), kSideValues + classes, kSideValues, classes));
  }
  config->boxes = boxes;
  config->bins = boxes == BoxForm::kCells ? kBins : 0;
  config->clip = true;
  settle_forms(request, *config);
  return std::move(*config);
}

HeadParts parts(const HeadConfig& config) {
  HeadParts parts;
  const bool cells = config.boxes == BoxForm::kCells;
  parts.params.class_function = sigmoid_if(config.scores == ScoreForm::kLogit);
  parts.params.boxes = cells ? ht_boxes_sides : ht_boxes_decoded;
  parts.params.order = HT_ORDER_CXCYWH;
  parts.levels = plain(level_views(config, box_values(config), false));
  return parts;
}

std::optional<DetectionTask> suggest(const HeadRequest& request, const HeadConfig& config) {
  if (config.layout == HeadLayout::kMaps) {
    const int64_t first = find_output(request.outputs, config.outputs[0].name)->first_part;
    if (first > 0 && first != kSideValues) return std::nullopt;
  }
  DetectionTask task = config.task;
  if (task.strides.empty()) task.strides.assign(kUsualStrides.begin(), kUsualStrides.end());
  const int64_t cells = total_cells(grids(task.strides, config.input));
  const bool decoded = config.boxes != BoxForm::kCells;
  // Rows of 4 + classes could as well be another family's rows of 5 + classes.
  if (has_boxes_beside(request, config, cells)) return std::nullopt;
  if (decoded && (config.layout != HeadLayout::kColumns || config.outputs[0].shape.back() != cells)) return std::nullopt;
  task.nms_threshold = 0.7f;
  return task;
}

std::vector<int64_t> class_counts(int64_t dimension) { return {dimension - 4, dimension - 64, dimension}; }

}  // namespace

const HeadFamily kFamily = {"yolov8", resolve, parts, suggest, class_counts};

}  // namespace ht::yolov8
