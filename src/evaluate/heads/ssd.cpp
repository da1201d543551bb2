// SPDX-License-Identifier: Apache-2.0
// Boxes [1, N, 4] as offsets to priors and scores [1, N, classes + background]. Priors are listed, or stand on grids: of each
// stride either anchors, or sizes with ratios (width to height).
#include "base/checked.h"
#include "evaluate/heads/parts.h"

namespace ht::ssd {
namespace {

using Lists = std::vector<std::vector<float>>;

constexpr size_t kUsualStrides = 6;

// The boxes at each cell of the strides, in pixels. Sizes or ratios of which there is one serve for all of the other.
std::vector<std::vector<Anchor>> cell_boxes(const DetectionTask& task) {
  if (!task.anchors.empty()) return task.anchors;
  std::vector<std::vector<Anchor>> result;
  for (size_t i = 0; i < std::min(task.sizes.size(), task.ratios.size()); ++i) {
    const std::vector<float>&sizes = task.sizes[i], &ratios = task.ratios[i];
    auto& boxes = result.emplace_back();
    for (size_t k = 0; k < std::max(sizes.size(), ratios.size()); ++k) {
      const float size = sizes[sizes.size() == 1 ? 0 : k];
      const float root = std::sqrt(ratios[ratios.size() == 1 ? 0 : k]);
      boxes.push_back({size * root, size / root});
    }
  }
  return result;
}

// SSD-MobileNet's rule: sizes from 0.2 to 0.95 of the input's shorter side in equal steps, each with five ratios and once more
// square, as large as the geometric mean with the next; on the finest grid fewer. Else, as in the original, six everywhere.
void set_usual_priors(DetectionTask& task, InputSize input, bool reduced) {
  constexpr float kLeast = 0.2f, kStep = 0.15f, kReduced = 0.1f;
  const float side = static_cast<float>(std::min(input.height, input.width));
  task.strides = {16, 32, 64, 128, 256, 512};
  task.sizes.clear();
  task.ratios.clear();
  for (size_t i = 0; i < kUsualStrides; ++i) {
    const float size = (kLeast + kStep * static_cast<float>(i)) * side;
    const float next = i + 1 < kUsualStrides ? size + kStep * side : side;
    const float mean = std::sqrt(size * next);
    if (!reduced) {
      task.sizes.push_back({size, mean, size, size, size, size});
      task.ratios.push_back({1, 1, 2, 0.5f, 3, 1.0f / 3});
    } else if (i == 0) {
      task.sizes.push_back({kReduced * side, size, size});
      task.ratios.push_back({1, 2, 0.5f});
    } else {
      task.sizes.push_back({size, size, size, size, size, mean});
      task.ratios.push_back({1, 2, 0.5f, 3, 1.0f / 3, 1});
    }
  }
}

// EfficientDet's rule: on strides 8 to 128 nine boxes a cell, of three sizes within an octave with three shapes, the least four
// strides large; offsets as they are, y first; a sigmoid a class and no background.
void set_octave_priors(DetectionTask& task) {
  constexpr float kScale = 4, kWide = 1.4f, kNarrow = 0.7f;
  constexpr int kOctaves = 3;
  task.strides = {8, 16, 32, 64, 128};
  task.steps = {8, 16, 32, 64, 128};
  const float side = std::sqrt(kWide * kNarrow), ratio = kWide / kNarrow;
  for (int stride : task.strides) {
    auto &sizes = task.sizes.emplace_back(), &ratios = task.ratios.emplace_back();
    for (int octave = 0; octave < kOctaves; ++octave) {
      const float size = kScale * static_cast<float>(stride) * std::exp2(static_cast<float>(octave) / kOctaves);
      sizes.insert(sizes.end(), {size, size * side, size * side});
      ratios.insert(ratios.end(), {1, ratio, 1 / ratio});
    }
  }
  task.background = Background::kNone;
  task.order = task.order.value_or(BoxOrder::kCycxhw);
  if (task.variances.empty()) task.variances = {1, 1};
}

int64_t prior_count(const DetectionTask& task, InputSize input) {
  if (!task.priors.empty()) return static_cast<int64_t>(task.priors.size());
  const auto boxes = cell_boxes(task);
  const auto all = grids(task.strides, input);
  int64_t count = 0;
  for (size_t i = 0; i < std::min(all.size(), boxes.size()); ++i) count += all[i].cells() * static_cast<int64_t>(boxes[i].size());
  return count;
}

// All priors in pixels, cell by cell and within a cell in the order of the lists.
std::vector<Prior> priors(const DetectionTask& task, InputSize input) {
  const float width = static_cast<float>(input.width), height = static_cast<float>(input.height);
  std::vector<Prior> result;
  for (const Prior& p : task.priors) result.push_back({p.x * width, p.y * height, p.width * width, p.height * height});
  if (!result.empty()) return result;
  const auto boxes = cell_boxes(task);
  const auto all = grids(task.strides, input);
  for (size_t i = 0; i < all.size(); ++i) {
    const float step_x = task.steps.empty() ? width / static_cast<float>(all[i].width) : task.steps[i];
    const float step_y = task.steps.empty() ? height / static_cast<float>(all[i].height) : task.steps[i];
    for (int64_t cell = 0; cell < all[i].cells(); ++cell) {
      const float x = (all[i].x(cell) + 0.5f) * step_x, y = (all[i].y(cell) + 0.5f) * step_y;
      for (const Anchor& anchor : boxes[i]) result.push_back({x, y, anchor.width, anchor.height});
    }
  }
  return result;
}

Status check_lists(const DetectionTask& task) {
  const bool pairs = task.sizes.size() == task.ratios.size();
  bool fit = pairs;
  for (size_t i = 0; pairs && i < task.sizes.size(); ++i) {
    const size_t sizes = task.sizes[i].size(), ratios = task.ratios[i].size();
    fit = fit && sizes > 0 && ratios > 0 && (sizes == ratios || sizes == 1 || ratios == 1);
  }
  if (!fit) return input_error("'sizes' and 'ratios' in [task] must be one list a stride each, as long as each other or with one number");
  const size_t lists = task.anchors.empty() ? task.sizes.size() : task.anchors.size();
  if (task.priors.empty() && lists > 0 && task.strides.size() != lists) {
    return input_error("[task] has priors for {} strides but {} 'strides'; the head \"ssd\" needs one list a stride", lists,
                       task.strides.size());
  }
  if (!task.steps.empty() && task.steps.size() != task.strides.size())
    return input_error("'steps' in [task] must be one a stride; there are {} strides", task.strides.size());
  if (task.variances.size() != 2 && task.variances.size() != 4)
    return input_error("'variances' in [task] must be two numbers, of centre and size, or four");
  return {};
}

struct Found {
  const ModelOutput* scores = nullptr;
  const ModelOutput* boxes = nullptr;
};

Found find_outputs(const HeadRequest& request, int64_t columns) {
  for (const ModelOutput& output : request.outputs) {
    if (output.shape.size() < 2 || output.shape.back() != columns) continue;
    const int64_t count = output.shape[output.shape.size() - 2];
    OutputFinder finder(request.outputs);
    Found found{finder.take({1, count, columns}), finder.take({1, count, 4})};
    if (!found.boxes) found.boxes = finder.take({1, count, 1, 4});
    if (!found.scores || !found.boxes) continue;
    // Boxes come first where the shapes do not tell and nothing was activated.
    if (columns == 4 && found.scores->scores != ScoreForm::kProbability) std::swap(found.scores, found.boxes);
    return found;
  }
  return {};
}

bool is_open(const DetectionTask& task) {
  return task.priors.empty() && task.anchors.empty() && task.sizes.empty() && task.strides.empty() && task.steps.empty();
}

// The task with EfficientDet's priors where it leaves them open and they are as many as the boxes that have a score for each class alone.
std::optional<DetectionTask> with_octave_priors(const HeadRequest& request) {
  if (!is_open(request.task) || request.task.background.value_or(Background::kNone) != Background::kNone) return std::nullopt;
  const Found found = find_outputs(request, request.task.class_count);
  if (!found.boxes) return std::nullopt;
  DetectionTask task = request.task;
  set_octave_priors(task);
  const int64_t boxes = checked_product(found.boxes->shape).value_or(0) / 4;
  return prior_count(task, request.input) == boxes ? std::optional(std::move(task)) : std::nullopt;
}

int64_t column_count(const DetectionTask& task) { return task.class_count + (task.background == Background::kNone ? 0 : 1); }

Level level_of(const HeadConfig& config, HeadValues values) {
  const int64_t columns = column_count(config.task);
  Level level;
  level.locations = static_cast<int64_t>(values[1].size()) / 4;
  level.classes = {values[0].data() + (config.task.background == Background::kFirst ? 1 : 0), columns, 1};
  level.boxes = {values[1].data(), 4, 1};
  return level;
}

Result<HeadConfig> resolve(const HeadRequest& request) {
  HeadConfig config = start_config(request, request.task.strides);
  DetectionTask& task = config.task;
  if (auto octaves = with_octave_priors(request)) task = *std::move(octaves);
  config.layout = HeadLayout::kScored;
  config.boxes = BoxForm::kCells;
  task.background = task.background.value_or(Background::kFirst);
  task.order = task.order.value_or(BoxOrder::kCxcywh);
  if (task.variances.empty()) task.variances = {0.1f, 0.2f};
  if (task.order != BoxOrder::kCxcywh && task.order != BoxOrder::kCycxhw)
    return input_error("the head \"ssd\" reads offsets of a centre and a size: 'order' in [task] must be \"cxcywh\" or \"cycxhw\"");
  HT_TRY(check_lists(task));
  const int64_t columns = column_count(task);
  const Found found = find_outputs(request, columns);
  if (!found.boxes) return misfit(request, fmt::format("two outputs, boxes [1, N, 4] and scores [1, N, {}]", columns));
  const int64_t boxes = checked_product(found.boxes->shape).value_or(0) / 4;
  const bool open = is_open(task);
  for (bool reduced : {true, false}) {
    if (open && prior_count(task, config.input) != boxes) set_usual_priors(task, config.input, reduced);
  }
  if (const int64_t count = prior_count(task, config.input); count != boxes) {
    return misfit(request, fmt::format("boxes [1, {}, 4], one for each prior; name 'priors', or 'strides' with 'anchors' or with 'sizes' "
                                       "and 'ratios', that make as many as the model has boxes",
                                       count));
  }
  add_output(config, *found.scores);
  add_output(config, *found.boxes);
  const auto sample = samples(config, request.outputs);
  config.scores = column_scores(request, config, sample ? level_of(config, *sample) : Level{});
  return config;
}

HeadParts parts(const HeadConfig& config) {
  const DetectionTask& task = config.task;
  HeadParts parts;
  set_class_scores(parts.params, config.scores, column_count(task), *task.background);
  parts.params.boxes = ht_boxes_priors;
  parts.params.order = kernel_value(*task.order);
  for (size_t k = 0; k < 4; ++k) parts.params.variances[k] = task.variances[task.variances.size() == 4 ? k : k / 2];
  for (const Prior& prior : priors(task, config.input)) parts.priors.insert(parts.priors.end(), {prior.x, prior.y, prior.width, prior.height});
  LevelView views;
  views.locations = static_cast<int64_t>(parts.priors.size()) / 4;
  views.classes = {0, views.locations, column_count(task), true, 0, task.background == Background::kFirst ? 1 : 0};
  views.boxes = {1, views.locations, 4};
  parts.levels = plain({views});
  return parts;
}

std::optional<DetectionTask> suggest(const HeadRequest& request, const HeadConfig& config) {
  if (const auto sample = samples(config, request.outputs)) {
    // Offsets come out of a layer with weights; boxes that differ where all such layers give the same are decoded.
    const auto values = (*sample)[1];
    if (std::ranges::any_of(values, [&](float value) { return value != values[0]; })) return std::nullopt;
  }
  for (const ModelOutput& output : request.outputs) {
    if (output.sigmoid_box) return std::nullopt;
  }
  DetectionTask task = config.task;
  task.scores = config.scores;
  task.score_threshold = 0.01f;
  task.nms_threshold = 0.6f;
  return task;
}

std::vector<int64_t> class_counts(int64_t dimension) { return {dimension - 1, dimension}; }

}  // namespace

const HeadFamily kFamily = {"ssd", resolve, parts, suggest, class_counts, true};

}  // namespace ht::ssd
