// SPDX-License-Identifier: Apache-2.0
// Detector heads: from the outputs of a model to boxes. docs/INTERFACE.md defines each head.
#pragma once

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

// `[task]` of a recipe whose type is "detection".
struct DetectionTask {
  std::string head;
  std::vector<int> strides;                  // empty: those usual for the head
  std::vector<std::vector<Anchor>> anchors;  // one list a stride
  std::optional<float> center_offset;
  int class_count = 0;
  float score_threshold = 0.001f;  // only scores above it count
  float nms_threshold = 0.65f;
  int max_detections = 100;
  bool multi_label = false;  // a box may count for several classes
  bool operator==(const DetectionTask&) const = default;
};

enum class BoxForm {
  kCells,      // as the head's convolution gives it: relative to the grid's cells
  kPixels,     // decoded, in pixels of the input
  kFractions,  // decoded, in fractions of the input
};
enum class ScoreForm { kProbability, kLogit };

// An output as the model declares it, with what its structure tells about the values. Where the structure does not tell, the
// values of one run on a real photo do (`sample`); where there is neither, the head's usual form is taken.
struct ModelOutput {
  std::string name;
  std::vector<int64_t> shape;
  std::optional<ScoreForm> scores;  // kProbability: the scores end in a sigmoid
  std::optional<BoxForm> boxes;
  std::span<const float> sample = {};
};

// How the outputs lie in memory; which of them a head can have is the head's own.
enum class HeadLayout {
  kRows,       // one output [1, boxes, values]
  kColumns,    // one output [1, values, boxes]
  kMaps,       // one output a stride [1, values, height, width]
  kSplitMaps,  // two outputs a stride: boxes [1, values, height, width], then classes likewise
  kSplitRows,  // two outputs a stride: classes [1, cells, values], then boxes likewise
};

struct HeadInput {
  std::string name;
  std::vector<int64_t> shape;
  bool operator==(const HeadInput&) const = default;
};

// A head with nothing left to find out, as only resolve_head() makes it. To store it beside the model, store `task`, `boxes` and
// `scores`, and resolve again with these as the outputs' forms: what comes from a file must be checked against the outputs
// anyway.
struct HeadConfig {
  DetectionTask task;  // strides are filled in
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

// Names of the heads that are built, as a recipe gives them.
std::vector<std::string_view> head_names();

std::string_view name_of(BoxForm form);
std::string_view name_of(ScoreForm form);
std::string_view name_of(HeadLayout layout);
std::optional<BoxForm> parse_box_form(std::string_view name);
std::optional<ScoreForm> parse_score_form(std::string_view name);
std::optional<HeadLayout> parse_head_layout(std::string_view name);

// kUnsupported for a head that is known and not built, kInput where the head does not fit the outputs.
Result<HeadConfig> resolve_head(const DetectionTask& task, InputSize input, std::span<const ModelOutput> outputs);

// The task whose head, number of classes and strides fit the outputs, with the head's usual thresholds; nothing where none does.
std::optional<DetectionTask> guess_head(InputSize input, std::span<const ModelOutput> outputs);

// Boxes above the score threshold, in pixels of the input, before suppression. Values that are not finite give no box.
Result<std::vector<Candidate>> decode_head(const HeadConfig& config, std::span<const HeadOutput> outputs);

// Decoded, brought to the photo's pixels, clipped where the head does so, suppressed class by class; best first.
Result<std::vector<Candidate>> detect(const HeadConfig& config, std::span<const HeadOutput> outputs,
                                      const PhotoPlacement& placement, int photo_width, int photo_height);

}  // namespace ht
