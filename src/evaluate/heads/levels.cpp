// SPDX-License-Identifier: Apache-2.0
#include "evaluate/heads/levels.h"

#include <fmt/format.h>

#include "evaluate/math.h"

namespace ht {
namespace {

std::span<const int64_t> without_leading_ones(std::span<const int64_t> shape) {
  while (shape.size() > 1 && shape.front() == 1) shape = shape.subspan(1);
  return shape;
}

// Whether the output in this place, in the head's order, holds classes.
bool holds_classes(HeadLayout layout, size_t place) {
  switch (layout) {
    case HeadLayout::kRows:
    case HeadLayout::kColumns:
    case HeadLayout::kMaps:
    case HeadLayout::kStrideRows: return true;
    case HeadLayout::kSplitMaps: return place % 2 == 1;
    case HeadLayout::kSplitRows: return place % 2 == 0;
    case HeadLayout::kSelected:
    case HeadLayout::kListed: return place == 1;
    case HeadLayout::kScored:
    case HeadLayout::kScoredColumns: return place == 0;
  }
  return false;
}

// Boxes and classes in one block of `locations` times `box_values + class_count` values.
Level block(const HeadConfig& config, const float* data, int64_t locations, int64_t box_values, bool classes_first, bool rows) {
  const int64_t classes = config.task.class_count;
  Level level;
  level.locations = locations;
  level.boxes = {data, rows ? box_values + classes : 1, rows ? 1 : locations};
  level.classes = level.boxes;
  (classes_first ? level.boxes : level.classes).data += (classes_first ? classes : box_values) * level.boxes.per_value;
  return level;
}

// A block that holds the boxes of all grids one after the other, for each anchor all cells.
std::vector<Level> split(const Level& whole, std::span<const Grid> all, int64_t anchors) {
  std::vector<Level> result;
  int64_t first = 0;
  for (size_t i = 0; i < all.size(); ++i) {
    const Grid& grid = all[i];
    for (int64_t anchor = 0; anchor < anchors; ++anchor) {
      Level level = whole;
      level.grid = grid;
      level.number = i;
      level.anchor = static_cast<size_t>(anchor);
      level.locations = grid.cells();
      level.boxes.data += first * whole.boxes.per_location;
      level.classes.data += first * whole.classes.per_location;
      first += grid.cells();
      result.push_back(level);
    }
  }
  return result;
}

}  // namespace

std::vector<Grid> grids(std::span<const int> strides, InputSize input) {
  std::vector<Grid> result;
  for (int stride : strides) {
    result.push_back({stride, (int64_t{input.width} + stride - 1) / stride, (int64_t{input.height} + stride - 1) / stride});
  }
  return result;
}

int64_t total_cells(std::span<const Grid> grids) {
  int64_t cells = 0;
  for (const Grid& grid : grids) cells += grid.cells();
  return cells;
}

std::vector<Level> levels(const HeadConfig& config, HeadValues values, int64_t box_values, bool classes_first, int64_t anchors) {
  const auto all = grids(config.task.strides, config.input);
  const int64_t classes = config.task.class_count;
  if (config.layout == HeadLayout::kRows || config.layout == HeadLayout::kColumns) {
    const int64_t locations = static_cast<int64_t>(values[0].size()) / (box_values + classes);
    const Level whole = block(config, values[0].data(), locations, box_values, classes_first, config.layout == HeadLayout::kRows);
    return config.boxes == BoxForm::kCells ? split(whole, all, anchors) : std::vector<Level>{whole};
  }
  std::vector<Level> result;
  for (size_t i = 0; i < all.size(); ++i) {
    const int64_t cells = all[i].cells();
    if (config.layout == HeadLayout::kMaps || config.layout == HeadLayout::kStrideRows) {
      const bool rows = config.layout == HeadLayout::kStrideRows;
      for (int64_t anchor = 0; anchor < anchors; ++anchor) {
        const float* data = values[i].data() + anchor * cells * (box_values + classes);
        result.push_back(block(config, data, cells, box_values, classes_first, rows));
        result.back().grid = all[i];
        result.back().number = i;
        result.back().anchor = static_cast<size_t>(anchor);
      }
      continue;
    }
    Level level;
    if (config.layout == HeadLayout::kSplitMaps) {
      level.boxes = {values[2 * i].data(), 1, cells};
      level.classes = {values[2 * i + 1].data(), 1, cells};
    } else {
      level.classes = {values[2 * i].data(), classes, 1};
      level.boxes = {values[2 * i + 1].data(), box_values, 1};
    }
    level.grid = all[i];
    level.number = i;
    level.locations = cells;
    result.push_back(level);
  }
  return result;
}

const ModelOutput* OutputFinder::take(std::span<const int64_t> shape) {
  const auto wanted = without_leading_ones(shape);
  for (size_t i = 0; i < outputs_.size(); ++i) {
    const auto own = without_leading_ones(outputs_[i].shape);
    if (taken_[i] || !std::equal(own.begin(), own.end(), wanted.begin(), wanted.end())) continue;
    taken_[i] = true;
    return &outputs_[i];
  }
  return nullptr;
}

Error misfit(const HeadRequest& request, const std::string& expected) {
  std::string present;
  for (const ModelOutput& output : request.outputs) {
    present += fmt::format("{}\"{}\" [{}]", present.empty() ? "" : ", ", output.name, fmt::join(output.shape, ", "));
  }
  return input_error(
      "the head \"{}\" does not fit the outputs: for {} classes and an input of {} x {} it reads {}; the model has {}. "
      "Check head, classes and strides in [task]",
      request.task.head, request.task.class_count, request.input.height, request.input.width, expected,
      present.empty() ? "no outputs" : present);
}

HeadConfig start_config(const HeadRequest& request, std::vector<int> strides) {
  HeadConfig config;
  config.task = request.task;
  config.task.strides = std::move(strides);
  config.input = request.input;
  return config;
}

const ModelOutput* find_output(std::span<const ModelOutput> outputs, const std::string& name) {
  const auto found = std::find_if(outputs.begin(), outputs.end(), [&](const ModelOutput& output) { return output.name == name; });
  return found == outputs.end() ? nullptr : &*found;
}

bool reads_all(const HeadRequest& request, const HeadConfig& config) { return config.outputs.size() == request.outputs.size(); }

bool has_boxes_beside(const HeadRequest& request, const HeadConfig& config, int64_t boxes) {
  const std::vector<int64_t> wanted = {boxes, 4};
  return std::ranges::any_of(request.outputs, [&](const ModelOutput& output) {
    const auto own = without_leading_ones(output.shape);
    return std::ranges::find(config.outputs, output.name, &HeadInput::name) == config.outputs.end() && std::ranges::equal(own, wanted);
  });
}

void add_output(HeadConfig& config, const ModelOutput& output) { config.outputs.push_back({output.name, output.shape}); }

std::optional<std::vector<std::span<const float>>> samples(const HeadConfig& config, std::span<const ModelOutput> outputs) {
  std::vector<std::span<const float>> result;
  for (const HeadInput& input : config.outputs) {
    const ModelOutput* output = find_output(outputs, input.name);
    if (!output || output->sample.empty()) return std::nullopt;
    result.push_back(output->sample);
  }
  return result;
}

std::optional<ScoreForm> stated_scores(const HeadConfig& config, std::span<const ModelOutput> outputs) {
  if (config.task.scores) return config.task.scores;
  for (size_t i = 0; i < config.outputs.size(); ++i) {
    if (!holds_classes(config.layout, i)) continue;
    if (const ModelOutput* output = find_output(outputs, config.outputs[i].name); output && output->scores) return output->scores;
  }
  return std::nullopt;
}

std::optional<BoxForm> stated_boxes(const HeadConfig& config, std::span<const ModelOutput> outputs) {
  if (config.task.boxes) return config.task.boxes;
  for (const HeadInput& input : config.outputs) {
    if (const ModelOutput* output = find_output(outputs, input.name); output && output->boxes) return output->boxes;
  }
  return std::nullopt;
}

bool within_unit(const Strided& values, int64_t locations, int64_t first, int64_t count) {
  for (int64_t location = 0; location < locations; ++location) {
    for (int64_t value = first; value < first + count; ++value) {
      const float v = values(location, value);
      if (!(v >= 0 && v <= 1)) return false;
    }
  }
  return true;
}

ScoreForm column_scores(const HeadRequest& request, const HeadConfig& config, const Level& level) {
  if (config.task.scores) return *config.task.scores;
  const ScoreForm raw = config.task.background == Background::kNone ? ScoreForm::kLogit : ScoreForm::kSoftmax;
  const auto stated = stated_scores(config, request.outputs);
  if (stated) return stated == ScoreForm::kLogit ? raw : *stated;
  return within_unit(level.classes, level.locations, 0, config.task.class_count) ? ScoreForm::kProbability : raw;
}

BoxForm form_of_centres(std::span<const Level> levels) {
  // The correlation of centres with the places of their cells, which is nearly 1 or nearly 0.
  constexpr double kLeastCorrelation = 0.5;
  constexpr double kRounding = 1e-6;
  double count = 0, x = 0, xx = 0, p = 0, pp = 0, xp = 0;
  float largest = 0;
  for (const Level& level : levels) {
    for (int64_t i = 0; i < level.locations; ++i) {
      const double place = (static_cast<double>(level.grid.x(i)) + 0.5) / static_cast<double>(level.grid.width);
      const double value = level.boxes(i, 0);
      count += 1;
      x += value;
      xx += value * value;
      p += place;
      pp += place * place;
      xp += value * place;
      largest = std::max({largest, level.boxes(i, 0), level.boxes(i, 1)});
    }
  }
  const double own = count * xx - x * x;
  const double spread = own * (count * pp - p * p);
  const bool constant = own < kRounding * count * xx;
  const bool follows = !constant && spread > 0 && count * xp - x * p > kLeastCorrelation * std::sqrt(spread);
  if (!follows) return BoxForm::kCells;
  return largest < kLargestFraction ? BoxForm::kFractions : BoxForm::kPixels;
}

Strided foreground(Strided columns, Background background) {
  if (background == Background::kFirst) columns.data += columns.per_value;
  return columns;
}

float Probability::operator()(int64_t location, float value) {
  if (form_ == ScoreForm::kProbability) return value;
  if (form_ == ScoreForm::kLogit) return math::sigmoid(value);
  if (location != location_) {
    location_ = location;
    highest_ = columns_(location, 0);
    for (int64_t i = 1; i < count_; ++i) highest_ = std::max(highest_, columns_(location, i));
    total_ = 0;
    for (int64_t i = 0; i < count_; ++i) total_ += math::exp(columns_(location, i) - highest_);
  }
  return math::exp(value - highest_) / total_;
}

Box anchored_box(const Grid& grid, int64_t cell, const std::array<float, 4>& values, const Anchor& anchor) {
  const float s = static_cast<float>(grid.stride);
  const float width = 2 * values[2], height = 2 * values[3];
  return centered((2 * values[0] - 0.5f + grid.x(cell)) * s, (2 * values[1] - 0.5f + grid.y(cell)) * s,
                  width * width * anchor.width, height * height * anchor.height);
}

Box ordered_box(BoxOrder order, const std::array<float, 4>& values, float unit_x, float unit_y) {
  const bool y_first = order == BoxOrder::kYxyx || order == BoxOrder::kCycxhw;
  const float x = values[y_first ? 1 : 0] * unit_x, y = values[y_first ? 0 : 1] * unit_y;
  const float u = values[y_first ? 3 : 2] * unit_x, v = values[y_first ? 2 : 3] * unit_y;
  switch (order) {
    case BoxOrder::kXyxy:
    case BoxOrder::kYxyx: return {x, y, u, v};
    case BoxOrder::kXywh: return {x, y, x + u, y + v};
    case BoxOrder::kCxcywh:
    case BoxOrder::kCycxhw: return centered(x, y, u, v);
  }
  return {};
}

}  // namespace ht
