// SPDX-License-Identifier: Apache-2.0
// What heads share: grids, finding outputs by shape, reading values wherever they lie, choosing classes.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
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

// The boxes of one grid, or of all where they are decoded already (the grid's stride is 0 then).
struct Level {
  Grid grid;
  size_t number = 0;  // of the grid
  size_t anchor = 0;  // which of the cell's anchors the boxes belong to
  int64_t locations = 0;
  Strided boxes;
  Strided classes;
};

// Where the values of each level lie, one level a stride and anchor. `box_values` is what a box has besides its classes;
// `classes_first` tells the order of the two in an output that holds both. Anchors lie one after the other, each with all cells.
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

// The columns of the classes beside the background's.
Strided foreground(Strided columns, Background background);

// The probability of a class from its value; for softmax, `columns` holds all values that share one.
class Probability {
 public:
  Probability(ScoreForm form, Strided columns, int64_t count) : form_(form), columns_(columns), count_(count) {}
  float operator()(int64_t location, float value);

 private:
  ScoreForm form_;
  Strided columns_;
  int64_t count_;
  int64_t location_ = -1;  // whose highest value and total follow
  float highest_ = 0;
  float total_ = 0;
};

// Values that are not finite give no box.
inline bool is_worth_keeping(const DetectionTask& task, const Candidate& candidate) {
  const Box& b = candidate.box;
  return std::isfinite(candidate.score) && candidate.score > task.score_threshold && std::isfinite(b.x0) && std::isfinite(b.y0) &&
         std::isfinite(b.x1) && std::isfinite(b.y1);
}

// Adds the best class of a location, or with `multi_label` each class, whose score is above the threshold. `score` must rise
// with the class's value; `box` is called for locations that are kept.
template <class Score, class BoxAt>
void gather(const DetectionTask& task, const Level& level, Score score, BoxAt box, std::vector<Candidate>& found) {
  const auto keep = [&](int64_t location, int32_t class_index, float value) {
    Candidate candidate{{}, score(location, value), class_index};
    if (!is_worth_keeping(task, candidate)) return;
    candidate.box = box(location);
    if (is_worth_keeping(task, candidate)) found.push_back(candidate);
  };
  for (int64_t location = 0; location < level.locations; ++location) {
    int32_t best = 0;
    float highest = -std::numeric_limits<float>::infinity();
    for (int32_t c = 0; c < task.class_count; ++c) {
      const float value = level.classes(location, c);
      if (task.multi_label) {
        keep(location, c, value);
      } else if (value > highest) {
        highest = value;
        best = c;
      }
    }
    if (!task.multi_label) keep(location, best, highest);
  }
}

// The box of a cell whose four values, between 0 and 1, say where it lies around the cell and how large it is beside its anchor.
Box anchored_box(const Grid& grid, int64_t cell, const std::array<float, 4>& values, const Anchor& anchor);

// The box that four values in this order stand for, in pixels where a unit is so many.
Box ordered_box(BoxOrder order, const std::array<float, 4>& values, float unit_x, float unit_y);

inline Box centered(float x, float y, float width, float height) {
  return {x - width / 2, y - height / 2, x + width / 2, y + height / 2};
}

}  // namespace ht
