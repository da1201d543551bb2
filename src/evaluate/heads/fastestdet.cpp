// SPDX-License-Identifier: Apache-2.0
// One map [1, objectness + 4 box values + classes, height, width]; objectness and classes are probabilities.
#include "evaluate/heads/levels.h"
#include "evaluate/math.h"

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

void decode(const HeadConfig& config, HeadValues values, std::vector<Candidate>& found) {
  const float width = static_cast<float>(config.input.width);
  const float height = static_cast<float>(config.input.height);
  for (const Level& level : levels(config, values, kBoxValues, false)) {
    const float columns = static_cast<float>(level.grid.width);
    const float rows = static_cast<float>(level.grid.height);
    const auto score = [&](int64_t i, float value) {
      return math::power(std::max(level.boxes(i, 0), 0.0f), 0.6f) * math::power(std::max(value, 0.0f), 0.4f);
    };
    const auto box = [&](int64_t i) {
      const float x = (level.grid.x(i) + math::tanh(level.boxes(i, 1))) / columns;
      const float y = (level.grid.y(i) + math::tanh(level.boxes(i, 2))) / rows;
      return centered(x * width, y * height, math::sigmoid(level.boxes(i, 3)) * width, math::sigmoid(level.boxes(i, 4)) * height);
    };
    gather(config.task, level, score, box, found);
  }
}

std::optional<DetectionTask> suggest(const HeadRequest& request, const HeadConfig& config) {
  if (config.task.strides.front() != 16 || !reads_all(request, config)) return std::nullopt;
  DetectionTask task = config.task;
  task.nms_threshold = 0.45f;
  return task;
}

std::vector<int64_t> class_counts(int64_t dimension) { return {dimension - 5}; }

}  // namespace

const HeadFamily kFamily = {"fastestdet", resolve, decode, suggest, class_counts};

}  // namespace ht::fastestdet
