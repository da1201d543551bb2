// SPDX-License-Identifier: Apache-2.0
#include "evaluate/heads/levels.h"

#include <fmt/format.h>

namespace ht {
namespace {

std::span<const int64_t> without_leading_ones(std::span<const int64_t> shape) {
  while (shape.size() > 1 && shape.front() == 1) shape = shape.subspan(1);
  return shape;
}

const ModelOutput* find(std::span<const ModelOutput> outputs, const std::string& name) {
  const auto found = std::find_if(outputs.begin(), outputs.end(), [&](const ModelOutput& output) { return output.name == name; });
  return found == outputs.end() ? nullptr : &*found;
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

// A block that holds the cells of all grids one after the other.
std::vector<Level> split(const Level& whole, std::span<const Grid> all) {
  std::vector<Level> result;
  int64_t first = 0;
  for (const Grid& grid : all) {
    Level level = whole;
    level.grid = grid;
    level.locations = grid.cells();
    level.boxes.data += first * whole.boxes.per_location;
    level.classes.data += first * whole.classes.per_location;
    first += grid.cells();
    result.push_back(level);
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

std::vector<Level> levels(const HeadConfig& config, HeadValues values, int64_t box_values, bool classes_first) {
  const auto all = grids(config.task.strides, config.input);
  const int64_t classes = config.task.class_count;
  if (config.layout == HeadLayout::kRows || config.layout == HeadLayout::kColumns) {
    const int64_t locations = static_cast<int64_t>(values[0].size()) / (box_values + classes);
    const Level whole = block(config, values[0].data(), locations, box_values, classes_first, config.layout == HeadLayout::kRows);
    return config.boxes == BoxForm::kCells ? split(whole, all) : std::vector<Level>{whole};
  }
  std::vector<Level> result;
  for (size_t i = 0; i < all.size(); ++i) {
    const int64_t cells = all[i].cells();
    Level level;
    if (config.layout == HeadLayout::kMaps) {
      level = block(config, values[i].data(), cells, box_values, classes_first, false);
    } else if (config.layout == HeadLayout::kSplitMaps) {
      level.boxes = {values[2 * i].data(), 1, cells};
      level.classes = {values[2 * i + 1].data(), 1, cells};
    } else {
      level.classes = {values[2 * i].data(), classes, 1};
      level.boxes = {values[2 * i + 1].data(), box_values, 1};
    }
    level.grid = all[i];
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

void add_output(HeadConfig& config, const ModelOutput& output) { config.outputs.push_back({output.name, output.shape}); }

std::optional<std::vector<std::span<const float>>> samples(const HeadConfig& config, std::span<const ModelOutput> outputs) {
  std::vector<std::span<const float>> result;
  for (const HeadInput& input : config.outputs) {
    const ModelOutput* output = find(outputs, input.name);
    if (!output || output->sample.empty()) return std::nullopt;
    result.push_back(output->sample);
  }
  return result;
}

std::optional<ScoreForm> stated_scores(const HeadConfig& config, std::span<const ModelOutput> outputs) {
  const bool split = config.layout == HeadLayout::kSplitMaps || config.layout == HeadLayout::kSplitRows;
  const size_t first = config.layout == HeadLayout::kSplitMaps ? 1 : 0;
  for (size_t i = first; i < config.outputs.size(); i += split ? 2 : 1) {
    if (const ModelOutput* output = find(outputs, config.outputs[i].name); output && output->scores) return output->scores;
  }
  return std::nullopt;
}

std::optional<BoxForm> stated_boxes(const HeadConfig& config, std::span<const ModelOutput> outputs) {
  for (const HeadInput& input : config.outputs) {
    if (const ModelOutput* output = find(outputs, input.name); output && output->boxes) return output->boxes;
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

}  // namespace ht
