// SPDX-License-Identifier: Apache-2.0
// One output [1, cells, 4 box values + objectness + classes]; boxes are centre and size.
#include <fmt/format.h>

#include "evaluate/heads/parts.h"

namespace ht::yolox {
namespace {

constexpr int64_t kBoxValues = 5;
// No network gives the logarithm of a size in cells that is larger; sizes in pixels exceed it on the first photo.
constexpr float kLargestLogarithm = 16;

void settle_forms(const HeadRequest& request, HeadConfig& config) {
  config.boxes = BoxForm::kCells;
  config.scores = ScoreForm::kProbability;
  if (const auto sample = samples(config, request.outputs)) {
    bool probabilities = true;
    float largest = 0;
    for (const Level& level : levels(config, *sample, kBoxValues, false)) {
      probabilities = probabilities && within_unit(level.boxes, level.locations, 4, 1) &&
                      within_unit(level.classes, level.locations, 0, config.task.class_count);
      for (int64_t i = 0; i < level.locations; ++i) largest = std::max({largest, level.boxes(i, 2), level.boxes(i, 3)});
    }
    config.scores = probabilities ? ScoreForm::kProbability : ScoreForm::kLogit;
    const BoxForm form = form_of_centres(levels(config, *sample, kBoxValues, false));
    config.boxes = form == BoxForm::kCells && largest > kLargestLogarithm ? BoxForm::kPixels : form;
  }
  config.scores = stated_scores(config, request.outputs).value_or(config.scores);
  config.boxes = stated_boxes(config, request.outputs).value_or(config.boxes);
}

Result<HeadConfig> resolve(const HeadRequest& request) {
  const std::vector<int> strides = request.task.strides.empty() ? std::vector<int>{8, 16, 32} : request.task.strides;
  const int64_t cells = total_cells(grids(strides, request.input));
  const int64_t values = kBoxValues + request.task.class_count;
  const ModelOutput* output = OutputFinder(request.outputs).take({1, cells, values});
  if (!output) {
    return misfit(request, fmt::format("one output [1, {}, {}] for strides {}", cells, values, fmt::join(strides, ", ")));
  }
  HeadConfig config = start_config(request, strides);
  config.layout = HeadLayout::kRows;
  add_output(config, *output);
  settle_forms(request, config);
  return config;
}

HeadParts parts(const HeadConfig& config) {
  HeadParts parts;
  const bool cells = config.boxes == BoxForm::kCells;
  parts.params.object_function = parts.params.class_function = sigmoid_if(config.scores == ScoreForm::kLogit);
  parts.params.boxes = cells ? ht_boxes_yolox : ht_boxes_decoded;
  parts.params.order = HT_ORDER_CXCYWH;
  parts.levels = plain(level_views(config, kBoxValues, false));
  for (HeadLevel& level : parts.levels) level.object = level.views.boxes.from_value(4);
  return parts;
}

// Objectness and classes went through the same function. Where some of the columns are probabilities and some are not, these are another head's.
bool is_mixed(const HeadConfig& config, HeadValues values) {
  for (const Level& level : levels(config, values, kBoxValues, false)) {
    const bool objects = within_unit(level.boxes, level.locations, 4, 1);
    for (int64_t c = 0; c < config.task.class_count; ++c)
      if (within_unit(level.classes, level.locations, c, 1) != objects) return true;
  }
  return false;
}

std::optional<DetectionTask> suggest(const HeadRequest& request, const HeadConfig& config) {
  if (const auto sample = samples(config, request.outputs); sample && is_mixed(config, *sample)) return std::nullopt;
  if (has_boxes_beside(request, config, total_cells(grids(config.task.strides, config.input)))) return std::nullopt;
  return config.task;
}

std::vector<int64_t> class_counts(int64_t dimension) { return {dimension - 5}; }

}  // namespace

const HeadFamily kFamily = {"yolox", resolve, parts, suggest, class_counts};

}  // namespace ht::yolox
