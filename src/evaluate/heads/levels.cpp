// SPDX-License-Identifier: Apache-2.0
#include "evaluate/heads/levels.h"

#include <fmt/format.h>

#include "base/checked.h"

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

// Boxes and classes in one output of `locations` times so many values.
LevelView block(const HeadConfig& config, int output, int64_t locations, int64_t box_values, bool classes_first, bool rows) {
  const int64_t classes = config.task.class_count;
  LevelView level;
  level.locations = locations;
  level.boxes = {output, locations, box_values + classes, rows};
  level.classes = level.boxes;
  (classes_first ? level.boxes : level.classes).first_value = classes_first ? classes : box_values;
  return level;
}

// A block that holds the boxes of all grids one after the other, for each anchor all cells.
std::vector<LevelView> split(const LevelView& whole, std::span<const Grid> all, int64_t anchors) {
  std::vector<LevelView> result;
  int64_t first = 0;
  for (size_t i = 0; i < all.size(); ++i) {
    const Grid& grid = all[i];
    for (int64_t anchor = 0; anchor < anchors; ++anchor) {
      LevelView level = whole;
      level.grid = grid;
      level.number = i;
      level.anchor = static_cast<size_t>(anchor);
      level.locations = grid.cells();
      level.boxes.first_location = level.classes.first_location = first;
      first += grid.cells();
      result.push_back(level);
    }
  }
  return result;
}

// One grid whose boxes and classes share an output: its level of each anchor.
std::vector<LevelView> joined(const LevelView& cell, int64_t anchors) {
  std::vector<LevelView> result;
  const int64_t values = cell.boxes.values, cells = cell.locations;
  for (int64_t anchor = 0; anchor < anchors; ++anchor) {
    LevelView level = cell;
    level.anchor = static_cast<size_t>(anchor);
    for (View* view : {&level.boxes, &level.classes}) {
      if (view->rows) {
        view->locations = anchors * cells;
        view->first_location = anchor * cells;
      } else {
        view->values = anchors * values;
        view->first_value += anchor * values;
      }
    }
    result.push_back(level);
  }
  return result;
}

// One grid with boxes and classes in two outputs.
LevelView apart(const HeadConfig& config, int first, const Grid& grid, int64_t box_values) {
  const bool rows = config.layout == HeadLayout::kSplitRows;
  const int64_t classes = config.task.class_count;
  LevelView level;
  level.locations = grid.cells();
  level.boxes = {rows ? first + 1 : first, grid.cells(), box_values, rows};
  level.classes = {rows ? first : first + 1, grid.cells(), classes, rows};
  return level;
}

Strided bind(const View& view, HeadValues values) {
  const int64_t per_location = view.rows ? view.values : 1, per_value = view.rows ? 1 : view.locations;
  return {values[static_cast<size_t>(view.output)].data() + view.first_location * per_location + view.first_value * per_value, per_location,
          per_value};
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

View View::from_value(int64_t first) const {
  View view = *this;
  view.first_value += first;
  return view;
}

std::vector<LevelView> level_views(const HeadConfig& config, int64_t box_values, bool classes_first, int64_t anchors) {
  const auto all = grids(config.task.strides, config.input);
  const int64_t values = box_values + config.task.class_count;
  const bool rows = config.layout == HeadLayout::kRows;
  if (rows || config.layout == HeadLayout::kColumns) {
    const int64_t locations = checked_product(config.outputs[0].shape).value_or(0) / values;
    const LevelView whole = block(config, 0, locations, box_values, classes_first, rows);
    return config.boxes == BoxForm::kCells ? split(whole, all, anchors) : std::vector<LevelView>{whole};
  }
  std::vector<LevelView> result;
  for (size_t i = 0; i < all.size(); ++i) {
    const int place = static_cast<int>(i);
    std::vector<LevelView> own;
    if (config.layout == HeadLayout::kMaps || config.layout == HeadLayout::kStrideRows) {
      const bool side_by_side = config.layout == HeadLayout::kStrideRows;
      own = joined(block(config, place, all[i].cells(), box_values, classes_first, side_by_side), anchors);
    } else {
      own = {apart(config, 2 * place, all[i], box_values)};
    }
    for (LevelView& level : own) {
      level.grid = all[i];
      level.number = i;
      result.push_back(level);
    }
  }
  return result;
}

std::vector<Level> levels(const HeadConfig& config, HeadValues values, int64_t box_values, bool classes_first, int64_t anchors) {
  std::vector<Level> result;
  for (const LevelView& view : level_views(config, box_values, classes_first, anchors)) {
    result.push_back({view.grid, view.number, view.anchor, view.locations, bind(view.boxes, values), bind(view.classes, values)});
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

}  // namespace ht
