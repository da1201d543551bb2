// SPDX-License-Identifier: Apache-2.0
// Classes [1, cells, classes] and distances [1, cells, 4 sides * bins] a stride, or all strides in one output, classes first.
// A side's distance is the mean of a distribution over the bins, in strides.
#include <fmt/format.h>

#include "evaluate/heads/parts.h"

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

HeadParts parts(const HeadConfig& config) {
  HeadParts parts;
  const std::optional<float>& offset = config.task.center_offset;
  parts.params.class_function = sigmoid_if(config.scores == ScoreForm::kLogit);
  parts.params.boxes = ht_boxes_distances;
  parts.params.center_offset = offset.value_or(0.0f);
  parts.params.center_shift = offset ? 0.0f : 0.5f;
  parts.levels = plain(level_views(config, 4 * config.bins, true));
  return parts;
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

const HeadFamily kFamily = {"nanodet", resolve, parts, suggest, class_counts};

}  // namespace ht::nanodet
