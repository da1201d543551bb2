// SPDX-License-Identifier: Apache-2.0
// What heads share: grids, finding outputs by shape, reading values wherever they lie, choosing classes.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "evaluate/heads/family.h"

namespace ht {

struct Grid {
  int stride = 0;
  int64_t width = 0;
  int64_t height = 0;

  int64_t cells() const { return width * height; }
  // The cell's place, row by row.
  float x(int64_t cell) const { return static_cast<float>(cell % width); }
  float y(int64_t cell) const { return static_cast<float>(cell / width); }
};

// One grid a stride, of ceil(size / stride) cells.
std::vector<Grid> grids(std::span<const int> strides, InputSize input);
int64_t total_cells(std::span<const Grid> grids);

// Values in memory: `data[location * per_location + value * per_value]`.
struct Strided {
  const float* data = nullptr;
  int64_t per_location = 0;
  int64_t per_value = 0;

  float operator()(int64_t location, int64_t value) const { return data[location * per_location + value * per_value]; }
};

// Some of an output's values, which are `values` for each of `locations`.
struct View {
  int output = -1;  // in the config's order; -1: none
  int64_t locations = 0;
  int64_t values = 0;
  bool rows = true;  // the values of a location lie side by side, else the locations of a value
  int64_t first_location = 0;
  int64_t first_value = 0;

  View from_value(int64_t first) const;
};

// The boxes of one grid, or of all where they are decoded already (the grid's stride is 0 then), as values of `Values`.
template <class Values>
struct LevelOf {
  Grid grid;
  size_t number = 0;  // of the grid
  size_t anchor = 0;  // which of the cell's anchors the boxes belong to
  int64_t locations = 0;
  Values boxes;
  Values classes;
};
using LevelView = LevelOf<View>;
using Level = LevelOf<Strided>;

// Where the values of each level lie, one level a stride and anchor. `box_values` is what a box has besides its classes;
// `classes_first` tells the order of the two in an output that holds both. Anchors lie one after the other, each with all cells.
std::vector<LevelView> level_views(const HeadConfig& config, int64_t box_values, bool classes_first, int64_t anchors = 1);
// The same with the outputs' values.
std::vector<Level> levels(const HeadConfig& config, HeadValues values, int64_t box_values, bool classes_first, int64_t anchors = 1);

// The first output that is not taken and has this shape, apart from leading ones; marks it as taken.
class OutputFinder {
 public:
  explicit OutputFinder(std::span<const ModelOutput> outputs) : outputs_(outputs), taken_(outputs.size(), false) {}
  const ModelOutput* take(std::span<const int64_t> shape);
  const ModelOutput* take(std::initializer_list<int64_t> shape) { return take(std::span(shape.begin(), shape.size())); }

 private:
  std::span<const ModelOutput> outputs_;
  std::vector<bool> taken_;
};

// "expected" says in words what the head reads; the error names it and the outputs that the model has.
Error misfit(const HeadRequest& request, const std::string& expected);

// A config with what all heads take from the request.
HeadConfig start_config(const HeadRequest& request, std::vector<int> strides);
void add_output(HeadConfig& config, const ModelOutput& output);
// Whether the head reads all that the model gives.
bool reads_all(const HeadRequest& request, const HeadConfig& config);
// Whether an output that the head does not read holds four values for each of so many boxes.
bool has_boxes_beside(const HeadRequest& request, const HeadConfig& config, int64_t boxes);
const ModelOutput* find_output(std::span<const ModelOutput> outputs, const std::string& name);

// The values of the outputs' samples in the config's order; nothing where one has none.
std::optional<std::vector<std::span<const float>>> samples(const HeadConfig& config, std::span<const ModelOutput> outputs);
// What the task states, else what the structure of one of the config's outputs tells, if any does; for scores, of those that
// hold classes.
std::optional<ScoreForm> stated_scores(const HeadConfig& config, std::span<const ModelOutput> outputs);
std::optional<BoxForm> stated_boxes(const HeadConfig& config, std::span<const ModelOutput> outputs);

// Whether values [first, first + count) of every location lie in [0, 1], as probabilities do.
bool within_unit(const Strided& values, int64_t locations, int64_t first, int64_t count);

// The form of the classes beside a background's column, or beside none; `level` is of the sample, empty where there is none.
ScoreForm column_scores(const HeadRequest& request, const HeadConfig& config, const Level& level);

// Larger than any value in fractions of the input, smaller than the largest in pixels of any input that is worth detecting in.
inline constexpr float kLargestFraction = 4;
// The form of boxes whose first two values may be a centre: decoded ones lie where their cells do.
BoxForm form_of_centres(std::span<const Level> levels);

}  // namespace ht
