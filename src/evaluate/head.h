// SPDX-License-Identifier: Apache-2.0
// Detector heads: from the outputs of a model to boxes. docs/INTERFACE.md defines each head.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "evaluate/nms.h"
#include "image/preprocess.h"

namespace ht {

struct InputSize {
  int height = 0;
  int width = 0;
  bool operator==(const InputSize&) const = default;
};

struct Anchor {
  float width = 0;
  float height = 0;
  bool operator==(const Anchor&) const = default;
};

enum class BoxForm {
  kCells,      // as the head's convolution gives it: relative to the grid's cells or to priors
  kPixels,     // decoded, in pixels of the input
  kFractions,  // decoded, in fractions of the input
};
enum class ScoreForm {
  kProbability,
  kLogit,    // probabilities are the sigmoids of the values
  kSoftmax,  // probabilities are the softmax over all columns, background among them
};
// The column of scores that stands for no object.
enum class Background { kNone, kFirst, kLast };
// The order of a box's four values: corners, or a place and the size; x before y, or y before x.
enum class BoxOrder { kXyxy, kYxyx, kXywh, kCxcywh, kCycxhw };

// A box that predictions are offsets to: centre and size in fractions of the input.
struct Prior {
  float x = 0;
  float y = 0;
  float width = 0;
  float height = 0;
  bool operator==(const Prior&) const = default;
};

// `[task]` of a recipe whose type is "detection". What is empty or absent is found from the outputs, or is usual for the head.
struct DetectionTask {
  std::string head;
  std::vector<int> strides;
  std::vector<std::vector<Anchor>> anchors;  // one list a stride
  std::optional<float> center_offset;
  std::optional<BoxForm> boxes;
  std::optional<ScoreForm> scores;
  std::optional<Background> background;
  std::optional<BoxOrder> order;
  std::vector<Prior> priors;
  std::vector<std::vector<float>> sizes;   // of priors, in pixels of the input: one list a stride
  std::vector<std::vector<float>> ratios;  // width to height, as many
  std::vector<float> steps;                // from prior to prior in pixels of the input, one a stride
  std::vector<float> variances;            // of centre and size, or of all four values
  std::optional<int> first_class;          // what an output that names classes calls the first one
  int class_count = 0;                     // without background
  float score_threshold = 0.001f;          // only scores above it count
  float nms_threshold = 0.65f;
  int max_detections = 100;
  bool multi_label = false;  // a box may count for several classes
  bool operator==(const DetectionTask&) const = default;
};

// An output as the model declares it, with what its structure tells about the values. Where the structure does not tell, values
// do (`sample`): of one run on a real photo, or of the arithmetic behind the last layers with weights where these give the same
// everywhere. Where there is neither, the head's usual form is taken. What the task states comes before all of that.
struct ModelOutput {
  std::string name;
  std::vector<int64_t> shape;
  std::optional<ScoreForm> scores;  // kProbability: they end in a sigmoid or softmax; kLogit: in a layer with weights
  std::optional<BoxForm> boxes;
  std::span<const float> sample = {};
  bool integers = false;     // of an integer type
  bool sigmoid_box = false;  // four values end in a sigmoid
  int64_t first_part = 0;    // of a map: how many values of a cell its first layer gives; 0: it is not known
};

// How the outputs lie in memory; which of them a head can have is the head's own.
enum class HeadLayout {
  kRows,        // one output [1, boxes, values]
  kColumns,     // one output [1, values, boxes]
  kMaps,        // one output a stride [1, values, height, width]
  kStrideRows,  // one output a stride [1, boxes, values]
  kSplitMaps,   // two outputs a stride: boxes [1, values, height, width], then classes likewise
  kSplitRows,   // two outputs a stride: classes [1, cells, values], then boxes likewise
  kSelected,    // boxes [1, boxes, 4], scores [1, classes, boxes] and triples of batch, class and box that select among them
  kListed,      // boxes [1, boxes, 4], scores [1, boxes], classes [1, boxes] and, where there is a fourth output, how many count
  kScored,      // scores [1, boxes, columns], then boxes [1, boxes, 4]
  kScoredColumns,  // scores [1, columns, boxes], then boxes [1, boxes, 4]
};

struct HeadInput {
  std::string name;
  std::vector<int64_t> shape;
  bool operator==(const HeadInput&) const = default;
};

// A head with nothing left to find out, as only resolve_head() makes it. To store it beside the model, store `task` with `boxes`
// and `scores`, and resolve again: what comes from a file must be checked against the outputs anyway.
struct HeadConfig {
  DetectionTask task;  // with what was found or is usual filled in
  InputSize input;
  HeadLayout layout = HeadLayout::kRows;
  BoxForm boxes = BoxForm::kCells;
  ScoreForm scores = ScoreForm::kProbability;
  int bins = 0;                    // values a side, where sides are distributions
  std::vector<HeadInput> outputs;  // in the order in which the head reads them
  bool clip = false;               // boxes end at the border of the photo
  bool operator==(const HeadConfig&) const = default;
};

// An output's values; `name` and `shape` must be those that the head was resolved with.
struct HeadOutput {
  std::string name;
  std::vector<int64_t> shape;
  std::span<const float> data;
};

// Names of the heads as a recipe gives them.
std::vector<std::string_view> head_names();

std::string_view name_of(BoxForm form);
std::string_view name_of(ScoreForm form);
std::optional<BoxForm> parse_box_form(std::string_view name);
std::optional<ScoreForm> parse_score_form(std::string_view name);

// kInput where there is no such head, or where it does not fit the outputs.
Result<HeadConfig> resolve_head(const DetectionTask& task, InputSize input, std::span<const ModelOutput> outputs);

// The task whose head, number of classes and strides fit the outputs, with the head's usual thresholds; nothing where none does.
// What `stated` says, its number of classes too, must fit as it stands; its head is not read.
std::optional<DetectionTask> guess_head(InputSize input, std::span<const ModelOutput> outputs,
                                        const std::optional<DetectionTask>& stated = {});

// Boxes above the score threshold, in pixels of the input, before suppression. Values that are not finite give no box.
Result<std::vector<Candidate>> decode_head(const HeadConfig& config, std::span<const HeadOutput> outputs);

// Decoded, brought to the photo's pixels, clipped where the head does so, suppressed class by class; best first. `room` bounds the
// candidates before suppression to the best ones, as memory does on small machines; ht_detect.h says which these are.
Result<std::vector<Candidate>> detect(const HeadConfig& config, std::span<const HeadOutput> outputs,
                                      const PhotoPlacement& placement, int photo_width, int photo_height,
                                      std::optional<int> room = {});

}  // namespace ht
