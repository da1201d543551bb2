// SPDX-License-Identifier: Apache-2.0
// Models that end in boxes: rows [1, N, 6] of box, score and class; boxes [1, N, 4] with the score and the class of each, perhaps
// with how many count; boxes with a score a class, to be suppressed here or a detection transformer's queries, which need no
// suppression; boxes and scores with NonMaxSuppression's choice among them.
#include <cmath>

#include "base/checked.h"
#include "evaluate/heads/parts.h"

namespace ht::boxes {
namespace {

constexpr int64_t kSides = 4;
constexpr int64_t kRowValues = 6;
constexpr int64_t kScore = 4, kClass = 5;
constexpr int64_t kTriple = 3;
constexpr float kNoSuppression = 1;

struct Parts {
  HeadLayout layout = HeadLayout::kRows;
  Background background = Background::kNone;
  std::vector<const ModelOutput*> outputs;  // in the layout's order
};

int64_t last_of(const ModelOutput& output) { return output.shape.empty() ? 0 : output.shape.back(); }
int64_t elements_of(const ModelOutput& output) { return checked_product(output.shape).value_or(0); }

bool is_probability(const ModelOutput& output) {
  return std::ranges::any_of(output.sample, [](float value) { return value != std::round(value); });
}

// Two outputs of the same shape: classes are whole numbers, and where nothing tells they come first.
void put_scores_first(const ModelOutput*& scores, const ModelOutput*& classes) {
  const bool told = scores->integers != classes->integers || is_probability(*scores) != is_probability(*classes);
  const bool right = classes->integers || (!scores->integers && is_probability(*scores));
  if (told ? !right : true) std::swap(scores, classes);
}

std::optional<Parts> find_selected(const HeadRequest& request, int64_t boxes) {
  for (const ModelOutput& output : request.outputs) {
    if (output.shape.size() != 2 || output.shape.back() != kTriple) continue;
    OutputFinder finder(request.outputs);
    const ModelOutput* selected = finder.take(output.shape);
    const ModelOutput* sides = finder.take({1, boxes, kSides});
    const ModelOutput* scores = finder.take({1, request.task.class_count, boxes});
    if (selected && sides && scores) return Parts{HeadLayout::kSelected, Background::kNone, {sides, scores, selected}};
  }
  return std::nullopt;
}

std::optional<Parts> find_listed(const HeadRequest& request, int64_t boxes) {
  OutputFinder finder(request.outputs);
  const ModelOutput* sides = finder.take({1, boxes, kSides});
  const ModelOutput* scores = finder.take({1, boxes});
  const ModelOutput* classes = finder.take({1, boxes});
  if (!sides || !scores || !classes) return std::nullopt;
  put_scores_first(scores, classes);
  Parts parts{HeadLayout::kListed, Background::kNone, {sides, scores, classes}};
  for (const ModelOutput& output : request.outputs) {
    const bool other = std::ranges::find(parts.outputs, &output) == parts.outputs.end();
    if (other && elements_of(output) == 1 && parts.outputs.size() == 3) parts.outputs.push_back(&output);
  }
  return parts;
}

std::optional<Parts> find_scored(const HeadRequest& request, int64_t boxes, Background background) {
  const int64_t columns = request.task.class_count + (background == Background::kNone ? 0 : 1);
  for (HeadLayout layout : {HeadLayout::kScored, HeadLayout::kScoredColumns}) {
    OutputFinder finder(request.outputs);
    const ModelOutput* sides = finder.take({1, boxes, kSides});
    const ModelOutput* scores =
        layout == HeadLayout::kScored ? finder.take({1, boxes, columns}) : finder.take({1, columns, boxes});
    if (!sides || !scores) continue;
    // Where both have four values a box, what ends in a sigmoid or softmax is the scores, and a box's sigmoid says so.
    const bool swapped = columns == kSides && (scores->sigmoid_box || sides->scores == ScoreForm::kProbability) && !sides->sigmoid_box;
    if (swapped) std::swap(sides, scores);
    return Parts{layout, background, {scores, sides}};
  }
  return std::nullopt;
}

std::optional<Parts> find_parts(const HeadRequest& request) {
  for (const ModelOutput& output : request.outputs) {
    if (last_of(output) != kSides || output.shape.size() < 2) continue;
    const int64_t boxes = elements_of(output) / kSides;
    if (boxes < 1) continue;
    if (auto parts = find_selected(request, boxes)) return parts;
    if (auto parts = find_listed(request, boxes)) return parts;
    std::vector<Background> choices = {Background::kNone, output.sigmoid_box ? Background::kLast : Background::kFirst};
    if (request.task.background) choices = {*request.task.background};
    for (Background background : choices) {
      if (auto parts = find_scored(request, boxes, background)) return parts;
    }
  }
  for (const ModelOutput& output : request.outputs) {
    if (output.shape.size() < 2 || last_of(output) != kRowValues) continue;
    const int64_t boxes = output.shape[output.shape.size() - 2];
    if (boxes > 0 && elements_of(output) == boxes * kRowValues) return Parts{HeadLayout::kRows, Background::kNone, {&output}};
  }
  return std::nullopt;
}

const ModelOutput& sides_of(const Parts& parts) {
  const bool scored = parts.layout == HeadLayout::kScored || parts.layout == HeadLayout::kScoredColumns;
  return *parts.outputs[scored ? 1 : 0];
}

Strided box_values(const HeadConfig& config, HeadValues values) {
  if (config.layout == HeadLayout::kRows) return {values[0].data(), kRowValues, 1};
  const bool scored = config.layout == HeadLayout::kScored || config.layout == HeadLayout::kScoredColumns;
  return {values[scored ? 1 : 0].data(), kSides, 1};
}

// Corners where the second pair moves with the first from a box to the next; a size does not. Which of x and y comes first shows
// where boxes lie on a grid, as they do when all activations are the same: x changes from a cell to the next. Nothing where all
// boxes are the same.
std::optional<BoxOrder> order_of(const Strided& sides, int64_t count) {
  constexpr float kMuchMore = 100;
  const auto change = [&](int64_t i, int64_t k) { return sides(i, k) - sides(i - 1, k); };
  int64_t together = 0, apart = 0;
  for (int64_t i = 1; i < count; ++i) {
    if (change(i, 0) == 0 && change(i, 1) == 0) continue;
    const float beyond = std::abs(change(i, 2) - change(i, 0)) + std::abs(change(i, 3) - change(i, 1));
    const bool corners = beyond < std::abs(change(i, 2)) + std::abs(change(i, 3));
    ++(corners ? together : apart);
  }
  const bool is_corners = together > apart;
  const auto centre = [&](int64_t i, int64_t k) { return is_corners ? sides(i, k) + sides(i, k + 2) : sides(i, k); };
  bool varies = false, y_first = false;
  for (int64_t i = 1; i < count && !varies; ++i) {
    const float first = std::abs(centre(i, 0) - centre(i - 1, 0)), second = std::abs(centre(i, 1) - centre(i - 1, 1));
    varies = first > 0 || second > 0;
    y_first = second > kMuchMore * first;
  }
  if (!varies) return std::nullopt;
  if (is_corners) return y_first ? BoxOrder::kYxyx : BoxOrder::kXyxy;
  return y_first ? BoxOrder::kCycxhw : BoxOrder::kCxcywh;
}

Level scored_level(const HeadConfig& config, HeadValues values) {
  const int64_t columns = config.task.class_count + (config.task.background == Background::kNone ? 0 : 1);
  Level level;
  level.locations = static_cast<int64_t>(values[1].size()) / kSides;
  const Strided all = config.layout == HeadLayout::kScored ? Strided{values[0].data(), columns, 1}
                                                           : Strided{values[0].data(), 1, level.locations};
  level.classes = all;
  if (config.task.background == Background::kFirst) level.classes.data += all.per_value;
  level.boxes = box_values(config, values);
  return level;
}

void settle_boxes(const HeadRequest& request, const Parts& parts, HeadConfig& config) {
  const ModelOutput& sides = sides_of(parts);
  const bool counted = parts.outputs.size() == 4, queries = sides.sigmoid_box;
  BoxForm form = counted || queries ? BoxForm::kFractions : BoxForm::kPixels;
  BoxOrder order = counted ? BoxOrder::kYxyx : queries ? BoxOrder::kCxcywh : BoxOrder::kXyxy;
  if (const auto sample = samples(config, request.outputs); sample && !queries) {
    const Strided values = box_values(config, *sample);
    const int64_t count = elements_of(sides) / last_of(sides);
    const auto found = order_of(values, count);
    if (found && !counted) order = *found;
    float largest = 0;
    for (int64_t i = 0; i < count; ++i) {
      for (int64_t k = 0; k < kSides; ++k) largest = std::max(largest, values(i, k));
    }
    if (found) form = largest < kLargestFraction ? BoxForm::kFractions : BoxForm::kPixels;
  }
  const BoxForm stated = stated_boxes(config, request.outputs).value_or(form);
  config.boxes = stated == BoxForm::kCells ? form : stated;
  config.task.order = config.task.order.value_or(order);
}

Result<HeadConfig> resolve(const HeadRequest& request) {
  const int classes = request.task.class_count;
  const auto parts = find_parts(request);
  if (!parts) {
    return misfit(request, fmt::format("boxes [1, N, 4] with scores [1, N, {}] or, with background, [1, N, {}], or with scores [1, N] "
                                       "and classes [1, N], or with scores [1, {}, N] and selected indices [M, 3]; or one output "
                                       "[1, N, 6] of corners, score and class",
                                       classes, classes + 1, classes));
  }
  HeadConfig config = start_config(request, request.task.strides);
  config.layout = parts->layout;
  config.task.background = parts->background;
  for (const ModelOutput* output : parts->outputs) add_output(config, *output);
  settle_boxes(request, *parts, config);
  config.scores = request.task.scores.value_or(ScoreForm::kProbability);
  const bool scored = config.layout == HeadLayout::kScored || config.layout == HeadLayout::kScoredColumns;
  if (!scored && config.scores == ScoreForm::kSoftmax)
    return input_error("'scores' in [task] is \"softmax\", but the model gives one score a box; use \"probability\" or \"logit\"");
  if (scored) {
    const auto sample = samples(config, request.outputs);
    config.scores = column_scores(request, config, sample ? scored_level(config, *sample) : Level{});
  }
  // These were suppressed by the model, or are its only box for an object.
  if (!scored && (config.layout != HeadLayout::kListed || parts->outputs.size() == 4)) config.task.nms_threshold = kNoSuppression;
  if (scored && sides_of(*parts).sigmoid_box) config.task.nms_threshold = kNoSuppression;
  return config;
}

// Where boxes are listed with the class of each.
HeadLevel listed_level(const HeadConfig& config, int64_t boxes) {
  HeadLevel level;
  level.views.locations = boxes;
  if (config.layout == HeadLayout::kRows) {
    level.views.boxes = {0, boxes, kRowValues};
    level.views.classes = level.views.boxes.from_value(kScore);
    level.object = level.views.boxes.from_value(kClass);
    return level;
  }
  level.views.boxes = {0, boxes, kSides};
  level.views.classes = {1, boxes, 1};
  level.object = {2, boxes, 1};
  if (config.outputs.size() == 4) level.more = {3, 1, 1};
  return level;
}

// Where triples choose boxes and classes.
HeadLevel selected_level(const HeadConfig& config, int64_t boxes) {
  HeadLevel level;
  level.views.locations = checked_product(config.outputs[2].shape).value_or(0) / kTriple;
  level.views.boxes = {0, boxes, kSides};
  level.views.classes = {1, boxes, config.task.class_count, false};
  level.object = {2, level.views.locations, kTriple};
  return level;
}

// Where each box has a score a class.
HeadLevel scored_views(const HeadConfig& config, int64_t boxes, int64_t columns) {
  HeadLevel level;
  level.views.locations = boxes;
  level.views.classes = {0, boxes, columns, config.layout == HeadLayout::kScored};
  if (config.task.background == Background::kFirst) level.views.classes.first_value = 1;
  level.views.boxes = {1, boxes, kSides};
  return level;
}

HeadParts parts(const HeadConfig& config) {
  HeadParts parts;
  ht_detect_params& p = parts.params;
  const bool scored = config.layout == HeadLayout::kScored || config.layout == HeadLayout::kScoredColumns;
  const int64_t values = config.layout == HeadLayout::kRows ? kRowValues : kSides;
  const int64_t boxes = checked_product(config.outputs[scored ? 1 : 0].shape).value_or(0) / values;
  const int64_t columns = config.task.class_count + (config.task.background == Background::kNone ? 0 : 1);
  p.boxes = ht_boxes_decoded;
  p.order = kernel_value(*config.task.order);
  p.first_class = config.task.first_class.value_or(0);
  p.listed_boxes = static_cast<int32_t>(boxes);
  set_class_scores(p, config.scores, columns, *config.task.background);
  if (scored) {
    parts.levels = {scored_views(config, boxes, columns)};
  } else if (config.layout == HeadLayout::kSelected) {
    p.names = ht_names_selected;
    parts.levels = {selected_level(config, boxes)};
  } else {
    p.names = ht_names_listed;
    parts.levels = {listed_level(config, boxes)};
  }
  return parts;
}

// Whether the classes' probabilities leave nothing for a background, as softmax over all columns does.
bool sums_to_one(const Level& level, int64_t classes) {
  constexpr float kClose = 1e-3f;
  for (int64_t i = 0; i < level.locations; ++i) {
    float sum = 0;
    for (int64_t c = 0; c < classes; ++c) sum += level.classes(i, c);
    if (!(std::abs(sum - 1) < kClose)) return false;
  }
  return classes > 1;
}

std::optional<DetectionTask> suggest(const HeadRequest& request, const HeadConfig& config) {
  constexpr int kCocoNumbers = 90;
  DetectionTask task = config.task;
  const bool scored = config.layout == HeadLayout::kScored || config.layout == HeadLayout::kScoredColumns;
  const bool queries = std::ranges::any_of(request.outputs, &ModelOutput::sigmoid_box);
  if (const auto sample = samples(config, request.outputs); sample && !queries) {
    // Boxes that are the same everywhere where all activations are were not decoded.
    const Strided sides = box_values(config, *sample);
    const int64_t count = static_cast<int64_t>((*sample)[scored ? 1 : 0].size()) / sides.per_location;
    if (!order_of(sides, count)) return std::nullopt;
    const bool complete = scored && config.scores == ScoreForm::kProbability && task.background == Background::kNone;
    if (complete && sums_to_one(scored_level(config, *sample), task.class_count)) return std::nullopt;
  }
  if (config.outputs.size() == 4) task.class_count = kCocoNumbers;  // TensorFlow's detectors
  if (!scored) task.background.reset();
  task.boxes = config.boxes;
  task.scores = config.scores;
  task.multi_label = queries && task.scores == ScoreForm::kLogit;
  return task;
}

std::vector<int64_t> class_counts(int64_t dimension) {
  constexpr int64_t kCocoNumbers = 91;
  return {kCocoNumbers, dimension, dimension - 1};
}

}  // namespace

const HeadFamily kFamily = {"boxes", resolve, parts, suggest, class_counts, true};

}  // namespace ht::boxes
