// SPDX-License-Identifier: Apache-2.0
// One map [1, objectness + 4 box values + classes, height, width]; objectness and classes are probabilities.
#include "evaluate/heads/parts.h"

namespace ht::fastestdet {
namespace {

constexpr int64_t kBoxValues = 5;

Result<HeadConfig> resolve(const HeadRequest& request) {
  const int64_t values = kBoxValues + request.task.class_count;
  std::vector<int> strides = request.task.strides;
  if (strides.empty()) strides = {16, 8, 32};
  for (const Grid& grid : grids(strides, request.input)) {
    const ModelOutput* output = OutputFinder(request.outputs).take({1, values, grid.height, grid.width});
    if (!output) continue;
    HeadConfig config = start_config(request, {grid.stride});
    config.layout = HeadLayout::kMaps;
    config.boxes = BoxForm::kCells;
    config.scores = ScoreForm::kProbability;
    add_output(config, *output);
    return config;
  }
  const Grid grid = grids(strides, request.input).front();
  return misfit(request, fmt::format("one output [1, {}, {}, {}] for stride {}", values, grid.height, grid.width, grid.stride));
}

HeadParts parts(const HeadConfig& config) {
  HeadParts parts;
  parts.params.object_function = ht_head_object_power;
  parts.params.class_function = ht_head_class_power;
  parts.params.boxes = ht_boxes_fastestdet;
  parts.levels = plain(level_views(config, kBoxValues, false));
  for (HeadLevel& level : parts.levels) {
    level.object = level.views.boxes;
    level.views.boxes = level.views.boxes.from_value(1);
  }
  return parts;
}

std::optional<DetectionTask> suggest(const HeadRequest& request, const HeadConfig& config) {
  if (config.task.strides.front() != 16 || !reads_all(request, config)) return std::nullopt;
  DetectionTask task = config.task;
  task.nms_threshold = 0.45f;
  return task;
}

std::vector<int64_t> class_counts(int64_t dimension) { return {dimension - 5}; }

}  // namespace

const HeadFamily kFamily = {"fastestdet", resolve, parts, suggest, class_counts};

}  // namespace ht::fastestdet
