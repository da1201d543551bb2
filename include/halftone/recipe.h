// SPDX-License-Identifier: Apache-2.0
// The recipe: everything that makes a quantization repeatable. docs/INTERFACE.md describes the file.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "halftone/result.h"

namespace halftone {

enum class Resize { kLetterbox, kStretch, kCenterCrop, kNone };
enum class Place { kTopLeft, kCenter };
enum class ColorOrder { kBgr, kRgb, kGray };
enum class Interpolation { kBilinear, kArea, kNearest, kCubic };
enum class Layout { kNchw, kNhwc };
enum class InputType { kFloat32, kUint8, kInt8 };
enum class TaskType { kDetection, kClassification, kNone };
enum class BoxForm { kCells, kPixels, kFractions };
enum class ScoreForm { kProbability, kLogit, kSoftmax };
enum class Background { kNone, kFirst, kLast };
enum class BoxOrder { kXyxy, kYxyx, kXywh, kCxcywh, kCycxhw };
enum class Ranges { kMse, kMinMax, kPercentile, kEntropy, kAverage };
enum class Granularity { kChannel, kTensor };
enum class HeadTreatment { kFloat, kQuantize };
enum class Rounding { kNearest, kGptq, kDescent, kLeastSquares };
enum class Prefer { kAccuracy, kLatency };

// [model]
struct ModelSource {
  std::filesystem::path path;
  std::vector<int64_t> input_shape;  // empty: the model's own; for a model with one input
  bool operator==(const ModelSource&) const = default;
};

// [preprocess]: how a photo becomes the model's input.
struct Preprocess {
  int height = 0;
  int width = 0;
  Resize resize = Resize::kLetterbox;
  Place place = Place::kTopLeft;            // of the photo, where resize is kLetterbox
  std::array<uint8_t, 3> pad = {114, 114, 114};
  ColorOrder color = ColorOrder::kBgr;
  std::array<float, 3> mean = {0, 0, 0};    // (x - mean) / std with x in 0..255; grey uses the first of each
  std::array<float, 3> std = {1, 1, 1};
  Interpolation interpolation = Interpolation::kBilinear;
  std::optional<Layout> layout;             // absent: found from the shape of the model's input
  std::optional<InputType> type;            // absent: the model input's own
  bool operator==(const Preprocess&) const = default;
};

struct Anchor {
  float width = 0;   // pixels of the input
  float height = 0;
  bool operator==(const Anchor&) const = default;
};

// A box that a model's predictions are offsets to.
struct Prior {
  float x = 0;  // of the centre; all in fractions of the input
  float y = 0;
  float width = 0;
  float height = 0;
  bool operator==(const Prior&) const = default;
};

// [task]: what the outputs mean and how they are judged.
struct Task {
  TaskType type = TaskType::kNone;
  std::string head;                          // detection: "yolox", "yolov5", ...; empty: found from the model
  std::vector<int> strides;                  // empty: those usual for the head
  std::vector<std::vector<Anchor>> anchors;  // one list a stride, for heads that have anchors
  std::optional<float> center_offset;        // nanodet
  std::optional<BoxForm> boxes;              // absent: found from the model
  std::optional<ScoreForm> scores;           // absent: found from the model
  std::optional<Background> background;      // ssd, boxes: the column of scores that is no class
  std::optional<BoxOrder> order;             // ssd, boxes: of a box's four values
  std::vector<Prior> priors;                 // ssd: what boxes are offsets to; or, one list a stride, anchors, or
  std::vector<std::vector<float>> sizes;     //   sizes in pixels of the input
  std::vector<std::vector<float>> ratios;    //   with ratios of width to height
  std::vector<float> steps;                  // ssd: pixels from prior to prior, one a stride; empty: the input over the grid
  std::vector<float> variances;              // ssd: of centre and size; empty: 0.1, 0.2
  std::optional<int> first_class;            // boxes: the number of the first class in an output that names classes
  std::string class_list;                    // name of a built-in list, such as "coco80"; empty where `classes` is given
  std::vector<std::string> classes;          // names in the order of the model's classes
  float score_threshold = 0.001f;            // boxes above it count
  float nms_threshold = 0.65f;               // intersection over union
  int max_detections = 100;                  // an image
  bool multi_label = false;                  // a box may count for several classes
  bool operator==(const Task&) const = default;
};

// [calibration]
struct CalibrationData {
  std::string images;         // a folder, a pattern, a list file; empty where `arrays` is given
  std::vector<std::string> arrays;  // .npy files (first axis: samples), one an input, or one .npz
  int64_t count = 100;        // the first so many in sorted order
  bool operator==(const CalibrationData&) const = default;
};

// [validation]
struct ValidationData {
  std::string images;               // as in CalibrationData
  std::vector<std::string> arrays;
  std::filesystem::path annotations;  // COCO instances (detection) or CSV (classification); empty: a folder a class
  bool operator==(const ValidationData&) const = default;
};

// In place of bits in QuantizeSettings::weights and activations.
inline constexpr int kFloat16Weights = -16, kFloatActivations = -32;

// [[quantize.layer]]: what holds for the nodes whose names match, in place of what [quantize] says. Later ones have the last word.
struct LayerSettings {
  std::string match;  // * and ? stand for any characters
  std::optional<int> weights = {}, group = {}, activations = {};
  std::optional<bool> symmetric = {};
  std::optional<Ranges> ranges = {};
  std::optional<Granularity> granularity = {};
  std::optional<bool> keep_float = {};  // "float"
  bool operator==(const LayerSettings&) const = default;
};

// [quantize]
struct QuantizeSettings {
  std::string target = "native";
  int weights = 8;      // bits: 8 or 4; kFloat16Weights stores them as float16, and nothing computes in integers
  std::optional<double> average_bits = {};  // of weights of 4 bits and those that keep 8 beside them, at most; absent: 4.5
  int group = 0;        // inputs that share a scale of 4-bit weights: 32, 64 or 128; 0: all of an output
  int activations = 8;  // bits: 8 or 16; kFloatActivations quantizes weights alone
  std::optional<bool> symmetric;  // activations with the zero point in the middle; else as the target has it
  Ranges ranges = Ranges::kMse;
  Granularity granularity = Granularity::kChannel;
  HeadTreatment head = HeadTreatment::kFloat;
  std::optional<Rounding> rounding;  // absent: kLeastSquares where any weights have 4 bits or there are 64 photos, else kGptq
  bool correct_bias = true;  // biases take up the mean errors that rounding makes of outputs
  Prefer prefer = Prefer::kAccuracy;
  bool fast = false;  // ranges alone: no photo is looked at again for what stays in float or how weights are rounded
  std::vector<std::string> keep_float;  // names of nodes; * and ? stand for any characters
  uint64_t seed = 0;
  std::vector<LayerSettings> layers;
  bool operator==(const QuantizeSettings&) const = default;
};

// Relative paths count from the working directory; load_recipe() has already resolved those of the file against its folder.
struct Recipe {
  ModelSource model;
  std::optional<Preprocess> preprocess;  // absent: inputs are arrays
  Task task;
  std::optional<CalibrationData> calibration;
  std::optional<ValidationData> validation;
  QuantizeSettings quantize;
  bool operator==(const Recipe&) const = default;
};

// Reads and checks a recipe. Errors name file, line and key; an unknown key or word comes with the nearest known one.
// kInput for what is wrong, kUnsupported for what is known and not built yet.
Result<Recipe> load_recipe(const std::filesystem::path& path);
// The same from text. `folder` is where relative paths count from, `place` is what errors call the text.
Result<Recipe> parse_recipe(std::string_view text, const std::filesystem::path& folder, const std::string& place);

// Whether the recipe makes sense as a whole; for recipes that were changed or built in memory. Errors name the key.
Status check_recipe(const Recipe& recipe);

// Sets one key of [quantize] from text, as the command line's flags do: ("weights", "4"), ("keep_float", "head*,stem"). Whether it goes
// with the others is for check_settings() to say, once all are set.
Status set_quantize_key(QuantizeSettings& settings, std::string_view key, std::string_view value);
// Whether the settings make sense together. Errors name the key.
Status check_settings(const QuantizeSettings& settings);
// The keys that set_quantize_key knows, each with what it may be.
struct SettingKey {
  std::string_view name;
  std::string_view values;  // "mse | minmax | average | percentile | entropy"
  bool is_switch = false;   // it may be set without a value, which is "true" then
};
std::vector<SettingKey> quantize_keys();

// As a recipe file that load_recipe() reads back to an equal recipe: paths relative to `folder`, with a comment wherever the
// user must decide.
std::string format_recipe(const Recipe& recipe, const std::filesystem::path& folder);
// Writes that text, whole or not at all, with paths relative to the file's folder.
Status save_recipe(const Recipe& recipe, const std::filesystem::path& path);

}  // namespace halftone
