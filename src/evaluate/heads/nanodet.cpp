// SPDX-License-Identifier: Apache-2.0
// Classes [1, cells, classes] and distances [1, cells, 4 sides * bins] a stride, or all strides in one output, classes first.
// A side's distance is the mean of a distribution over the bins, in strides.
#include <fmt/format.h>

#include "evaluate/heads/levels.h"
#include "evaluate/math.h"

namespace ht::nanodet {
namespace {

bool is_second_class_output(const ModelOutput& first, const ModelOutput& second) {
  return second.scores == ScoreForm::kProbability && first.scores != ScoreForm::kProbability;
}

// Two outputs a stride. Where both have the same shape, classes are what ends in a sigmoid, or what stands first.
std::optional<HeadConfig> resolve_pairs(const HeadRequest& request, const std::vector<int>& strides, int64_t bins) {
  HeadConfig config = start_config(request, strides);
  config.layout = HeadLayout::kSplitRows;
  config.bins = static_cast<int>(bins);
  OutputFinder finder(request.outputs);
  for (const Grid& grid : grids(strides, request.input)) {
    const ModelOutput* classes = finder.take({1, grid.cells(), request.task.class_count});
    const ModelOutput* distances = finder.take({1, grid.cells(), 4 * bins});
    if (!classes || !distances) return std::nullopt;
    if (request.task.class_count == 4 * bins && is_second_class_output(*classes, *distances)) std::swap(classes, distances);
    add_output(config, *classes);
    add_output(config, *distances);
  }
  return config;
}

std::optional<HeadConfig> resolve_rows(const HeadRequest& request, const std::vector<int>& strides, int64_t bins) {
  HeadConfig config = start_config(request, strides);
  config.layout = HeadLayout::kRows;
  config.bins = static_cast<int>(bins);
  const int64_t cells = total_cells(grids(strides, request.input));
  const ModelOutput* output = OutputFinder(request.outputs).take({1, cells, request.task.class_count + 4 * bins});
  if (!output) return std::nullopt;
  add_output(config, *output);
  return config;
}

// The number of bins that the last dimension of some output allows makes the candidates.
std::optional<HeadConfig> fit(const HeadRequest& request, const std::vector<int>& strides) {
  constexpr int64_t kMostBins = 256;
  for (const ModelOutput& output : request.outputs) {
    if (output.shape.empty()) continue;
    const int64_t last = output.shape.back();
    const int64_t rest = last - request.task.class_count;
    if (last % 4 == 0 && last / 4 >= 2 && last / 4 <= kMostBins) {
      if (auto config = resolve_pairs(request, strides, last / 4)) return config;
    }
    if (rest > 0 && rest % 4 == 0 && rest / 4 >= 2 && rest / 4 <= kMostBins) {
      if (auto config = resolve_rows(request, strides, rest / 4)) return config;
    }
  }
  return std::nullopt;
}

void settle_scores(const HeadRequest& request, HeadConfig& config) {
  config.scores = ScoreForm::kProbability;
  if (const auto sample = samples(config, request.outputs)) {
    for (const Level& level : levels(config, *sample, 4 * config.bins, true)) {
      if (!within_unit(level.classes, level.locations, 0, config.task.class_count)) config.scores = ScoreForm::kLogit;
    }
  }
  config.scores = stated_scores(config, request.outputs).value_or(config.scores);
}

Result<HeadConfig> resolve(const HeadRequest& request) {
  std::vector<std::vector<int>> choices = {{8, 16, 32, 64}, {8, 16, 32}};
  if (!request.task.strides.empty()) choices = {request.task.strides};
  for (const auto& strides : choices) {
    auto config = fit(request, strides);
    if (!config) continue;
    config->boxes = BoxForm::kCells;
    config->clip = true;
    settle_scores(request, *config);
    return std::move(*config);
  }
  std::vector<int64_t> cells;
  for (const Grid& grid : grids(choices.back(), request.input)) cells.push_back(grid.cells());
  return misfit(request, fmt::format("a pair of outputs [1, n, {}] and [1, n, 4 * bins] for each of n = {} (strides {}), or one "
                                     "output [1, {}, {} + 4 * bins]",
                                     request.task.class_count, fmt::join(cells, ", "), fmt::join(choices.back(), ", "),
                                     total_cells(grids(choices.back(), request.input)), request.task.class_count));
}

void decode(const HeadConfig& config, HeadValues values, std::vector<Candidate>& found) {
  const bool logits = config.scores == ScoreForm::kLogit;
  const float width = static_cast<float>(config.input.width);
  const float height = static_cast<float>(config.input.height);
  for (const Level& level : levels(config, values, 4 * config.bins, true)) {
    const float s = static_cast<float>(level.grid.stride);
    const auto center = [&](float index) {
      return config.task.center_offset ? (index + *config.task.center_offset) * s : index * s + 0.5f * (s - 1);
    };
    const auto side = [&](int64_t i, int64_t k) {
      const float* logits_of_side = level.boxes.data + i * level.boxes.per_location + k * config.bins * level.boxes.per_value;
      return math::softmax_mean(logits_of_side, config.bins, level.boxes.per_value) * s;
    };
    const auto box = [&](int64_t i) {
      const float x = center(level.grid.x(i)), y = center(level.grid.y(i));
      return Box{std::clamp(x - side(i, 0), 0.0f, width), std::clamp(y - side(i, 1), 0.0f, height),
                 std::clamp(x + side(i, 2), 0.0f, width), std::clamp(y + side(i, 3), 0.0f, height)};
    };
    const auto score = [&](int64_t, float value) { return logits ? math::sigmoid(value) : value; };
    gather(config.task, level, score, box, found);
  }
}

std::optional<DetectionTask> suggest(const HeadRequest&, const HeadConfig& config) {
  constexpr int kUsualBins = 8;
  if (config.bins != kUsualBins) return std::nullopt;
  DetectionTask task = config.task;
  const bool picodet = task.strides.size() == 4 && config.layout == HeadLayout::kSplitRows;
  if (config.layout == HeadLayout::kRows) task.center_offset = 0.0f;
  if (picodet) task.center_offset = 0.5f;
  task.score_threshold = picodet ? 0.025f : 0.05f;
  task.nms_threshold = 0.6f;
  task.multi_label = true;
  return task;
}

std::vector<int64_t> class_counts(int64_t dimension) { return {dimension, dimension - 32}; }

}  // namespace

const HeadFamily kFamily = {"nanodet", resolve, decode, suggest, class_counts};

}  // namespace ht::nanodet
