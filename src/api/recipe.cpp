// SPDX-License-Identifier: Apache-2.0
#include "api/recipe.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "api/parse_toml.h"
#include "api/recipe_check.h"
#include "api/table_reader.h"
#include "base/file.h"
#include "halftone/model.h"
#include "image/list.h"

namespace ht {
namespace {

using halftone::CalibrationData;
using halftone::LayerSettings;
using halftone::ModelSource;
using halftone::QuantizeSettings;
using halftone::Recipe;
using halftone::Task;
using halftone::ValidationData;

constexpr int64_t kMaxRecipeBytes = 1 << 20;
constexpr auto kModelKeys = std::to_array<std::string_view>({"path", "input_shape"});
constexpr auto kPreprocessKeys = std::to_array<std::string_view>(
    {"size", "resize", "place", "pad", "color", "mean", "std", "interpolation", "layout", "type"});
constexpr auto kTaskKeys = std::to_array<std::string_view>(
    {"type", "head", "strides", "anchors", "center_offset", "boxes", "scores", "background", "order", "priors", "sizes", "ratios",
     "steps", "variances", "first_class", "classes", "score_threshold", "nms_threshold", "max_detections", "multi_label"});
constexpr auto kCalibrationKeys = std::to_array<std::string_view>({"images", "count"});
constexpr auto kValidationKeys = std::to_array<std::string_view>({"images", "annotations"});
constexpr auto kQuantizeKeys = std::to_array<std::string_view>(
    {"target", "weights", "average_bits", "group", "activations", "symmetric", "ranges", "granularity", "head", "rounding", "correct_bias", "prefer", "fast", "keep_float", "seed", "layer"});
constexpr auto kLayerKeys =
    std::to_array<std::string_view>({"match", "weights", "group", "activations", "symmetric", "ranges", "granularity", "float"});
constexpr auto kSections = std::to_array<std::string_view>({"model", "preprocess", "task", "calibration", "validation", "quantize"});

// Where a recipe's text comes from.
struct RecipePlace {
  std::filesystem::path folder;
  std::string place;
  bool names_files = true;  // a model's own recipe must not make anyone read files
  std::string resolve(const std::string& path) const { return (folder / path).lexically_normal().string(); }
};

// One value an element of the colour; grey recipes may give just one.
template <class Value>
void read_channels(TableReader& reader, std::string_view key, std::array<Value, 3>& target) {
  std::vector<Value> values;
  reader.read(key, values);
  if (!reader.find(key)) return;
  if (values.size() == 1) {
    target.fill(values[0]);
  } else if (values.size() == 3) {
    std::copy(values.begin(), values.end(), target.begin());
  } else {
    reader.fail(*reader.find(key), input_error("'{}' in [preprocess] must have 3 numbers, or 1 for gray", key));
  }
}

void read_anchors(TableReader& reader, std::vector<std::vector<halftone::Anchor>>& target) {
  static constexpr std::string_view kForm = "'anchors' in [task] must be one list a stride of [width, height]";
  const toml::array* levels = reader.list("anchors", "lists, one a stride");
  if (!levels) return;
  for (const toml::node& level : *levels) {
    const toml::array* anchors = level.as_array();
    if (!anchors) return reader.fail(level, input_error("{}", kForm));
    target.emplace_back();
    for (const toml::node& anchor : *anchors) {
      const toml::array* sides = anchor.as_array();
      const bool pair = sides && sides->size() == 2 && (*sides)[0].is_number() && (*sides)[1].is_number();
      if (!pair) return reader.fail(anchor, input_error("{}", kForm));
      target.back().push_back({static_cast<float>((*sides)[0].value_or(0.0)), static_cast<float>((*sides)[1].value_or(0.0))});
    }
  }
}

// Lists of numbers: one a stride, or `each` numbers in every list.
std::vector<std::vector<float>> read_lists(TableReader& reader, std::string_view key, std::string_view form, size_t each = 0) {
  std::vector<std::vector<float>> lists;
  const toml::array* outer = reader.list(key, form);
  if (!outer) return lists;
  for (const toml::node& node : *outer) {
    const toml::array* inner = node.as_array();
    const bool fits = inner && !inner->empty() && std::ranges::all_of(*inner, [](const toml::node& n) { return n.is_number(); });
    if (!fits || (each > 0 && inner->size() != each)) {
      reader.fail(node, input_error("'{}' in [task] must be a list of {}", key, form));
      return {};
    }
    auto& list = lists.emplace_back();
    for (const toml::node& number : *inner) list.push_back(static_cast<float>(number.value_or(0.0)));
  }
  return lists;
}

// A list, or a NumPy file with a row a prior.
void read_priors(TableReader& reader, const RecipePlace& origin, std::vector<halftone::Prior>& target) {
  static constexpr std::string_view kForm = "[centre x, centre y, width, height] in fractions of the input";
  const toml::node* node = reader.find("priors");
  if (!node) return;
  if (!node->is_string()) {
    for (const auto& row : read_lists(reader, "priors", kForm, 4)) target.push_back({row[0], row[1], row[2], row[3]});
    return;
  }
  std::string file;
  reader.read("priors", file);
  if (file.empty()) return;
  if (!origin.names_files) return reader.fail(*node, input_error("'priors' in [task] must be a list of {}", kForm));
  auto array = halftone::read_npy(origin.resolve(file));
  if (!array) return reader.fail(*node, input_error("'priors' in [task]: {}", array.error().text()));
  const std::span<const float> values = array->floats();
  const bool rows = array->shape.size() == 2 && array->shape[1] == 4;
  if (!rows || array->type != "f32")
    return reader.fail(*node, input_error("'priors' in [task] names {}, which must hold rows of f32 {}", file, kForm));
  for (size_t i = 0; i + 3 < values.size(); i += 4) target.push_back({values[i], values[i + 1], values[i + 2], values[i + 3]});
}

// A text names images (or one file of arrays), a list names arrays.
template <class Data>
void read_images(TableReader& reader, const RecipePlace& origin, Data& data) {
  const toml::node* node = reader.find("images");
  if (!node) return;
  if (node->is_array()) {
    reader.read("images", data.arrays);
    for (std::string& path : data.arrays) path = origin.resolve(path);
    return;
  }
  std::string images;
  reader.read("images", images);
  if (ends_so(images, kArrayEndings)) {
    data.arrays = {origin.resolve(images)};
  } else if (!images.empty()) {
    data.images = origin.resolve(images);
  }
}

Status read_model(const toml::table& table, const RecipePlace& origin, ModelSource& model) {
  TableReader reader(table, "[model]", origin.place, kModelKeys);
  std::string path;
  reader.need("path", "\"model.onnx\"");
  reader.read("path", path);
  reader.read("input_shape", model.input_shape);
  model.path = origin.resolve(path);
  return reader.status();
}

Status read_preprocess(const toml::table& table, const RecipePlace& origin, halftone::Preprocess& preprocess) {
  TableReader reader(table, "[preprocess]", origin.place, kPreprocessKeys);
  reader.need("size", "[416, 416]  (height, width)");
  std::vector<int> size;
  reader.read("size", size);
  if (const toml::node* node = reader.find("size"); node && size.size() != 2)
    reader.fail(*node, input_error("'size' in [preprocess] must be [height, width]"));
  if (size.size() == 2) {
    preprocess.height = size[0];
    preprocess.width = size[1];
  }
  reader.read("resize", preprocess.resize);
  reader.read("place", preprocess.place);
  std::array<int, 3> pad = {preprocess.pad[0], preprocess.pad[1], preprocess.pad[2]};
  read_channels(reader, "pad", pad);
  for (int channel = 0; channel < 3; ++channel) {
    const toml::node* node = reader.find("pad");
    if (node && (pad[channel] < 0 || pad[channel] > 255)) reader.fail(*node, input_error("'pad' in [preprocess] must be from 0 to 255"));
    preprocess.pad[channel] = static_cast<uint8_t>(pad[channel]);
  }
  reader.read("color", preprocess.color);
  read_channels(reader, "mean", preprocess.mean);
  read_channels(reader, "std", preprocess.std);
  reader.read("interpolation", preprocess.interpolation);
  reader.read("layout", preprocess.layout);
  reader.read("type", preprocess.type);
  return reader.status();
}

Status read_task(const toml::table& table, const RecipePlace& origin, Task& task) {
  TableReader reader(table, "[task]", origin.place, kTaskKeys);
  reader.need("type", "\"detection\"");
  reader.read("type", task.type);
  reader.read("head", task.head);
  reader.read("strides", task.strides);
  read_anchors(reader, task.anchors);
  reader.read("center_offset", task.center_offset);
  reader.read("boxes", task.boxes);
  reader.read("scores", task.scores);
  reader.read("background", task.background);
  reader.read("order", task.order);
  read_priors(reader, origin, task.priors);
  task.sizes = read_lists(reader, "sizes", "lists of sizes in pixels, one a stride");
  task.ratios = read_lists(reader, "ratios", "lists of width to height, one a stride");
  reader.read("steps", task.steps);
  reader.read("variances", task.variances);
  reader.read("first_class", task.first_class);
  if (const toml::node* classes = reader.find("classes"); classes && classes->is_array()) {
    reader.read("classes", task.classes);
    if (task.classes.empty()) reader.fail(*classes, input_error("'classes' in [task] must not be empty"));
  } else {
    reader.read("classes", task.class_list);
  }
  reader.read("score_threshold", task.score_threshold);
  reader.read("nms_threshold", task.nms_threshold);
  reader.read("max_detections", task.max_detections);
  reader.read("multi_label", task.multi_label);
  return reader.status();
}

Status read_calibration(const toml::table& table, const RecipePlace& origin, CalibrationData& calibration) {
  TableReader reader(table, "[calibration]", origin.place, kCalibrationKeys);
  reader.need("images", "\"photos\"");
  read_images(reader, origin, calibration);
  reader.read("count", calibration.count);
  return reader.status();
}

Status read_validation(const toml::table& table, const RecipePlace& origin, ValidationData& validation) {
  TableReader reader(table, "[validation]", origin.place, kValidationKeys);
  reader.need("images", "\"photos\"");
  read_images(reader, origin, validation);
  std::string annotations;
  reader.read("annotations", annotations);
  if (!annotations.empty()) validation.annotations = origin.resolve(annotations);
  return reader.status();
}

// Numbers of bits, or a word that stands for one.
template <class Bits>
void read_bits(TableReader& reader, std::string_view key, std::string_view word, int bits_of_word, Bits& bits) {
  const toml::node* node = reader.find(key);
  if (node && node->value<std::string_view>() == word) {
    bits = bits_of_word;
    return;
  }
  reader.read(key, bits);
  if (node && node->is_integer() && node->value_or<int64_t>(0) < 1)
    reader.fail(*node, input_error("'{}' must be a number of bits or \"{}\"", key, word));
}

template <class Settings>
void read_bits(TableReader& reader, Settings& settings) {
  read_bits(reader, "weights", "float16", halftone::kFloat16Weights, settings.weights);
  read_bits(reader, "activations", "float", halftone::kFloatActivations, settings.activations);
  reader.read("group", settings.group);
  reader.read("symmetric", settings.symmetric);
}

Status read_layer(const toml::node& node, const std::string& place, LayerSettings& layer) {
  if (!node.is_table()) return input_error("'layer' in [quantize] must be sections: [[quantize.layer]]").in(line_of(node.source(), place));
  TableReader reader(*node.as_table(), "[[quantize.layer]]", place, kLayerKeys);
  reader.need("match", "\"backbone*\"");
  reader.read("match", layer.match);
  read_bits(reader, layer);
  reader.read("ranges", layer.ranges);
  reader.read("granularity", layer.granularity);
  reader.read("float", layer.keep_float);
  if (reader.status() && node.as_table()->size() < 2)
    reader.fail(node, input_error("[[quantize.layer]] says nothing about \"{}\"; give 'weights', 'activations', 'float' or another key", layer.match));
  return reader.status();
}

Status read_quantize(const toml::table& table, const std::string& place, QuantizeSettings& settings) {
  TableReader reader(table, "[quantize]", place, kQuantizeKeys);
  reader.read("target", settings.target);
  read_bits(reader, settings);
  reader.read("average_bits", settings.average_bits);
  if (const toml::array* layers = reader.list("layer", "sections")) {
    for (const toml::node& layer : *layers) HT_TRY(read_layer(layer, place, settings.layers.emplace_back()));
  }
  reader.read("ranges", settings.ranges);
  reader.read("granularity", settings.granularity);
  reader.read("head", settings.head);
  reader.read("rounding", settings.rounding);
  reader.read("correct_bias", settings.correct_bias);
  reader.read("prefer", settings.prefer);
  reader.read("fast", settings.fast);
  reader.read("keep_float", settings.keep_float);
  int64_t seed = static_cast<int64_t>(settings.seed);
  reader.read("seed", seed);
  if (const toml::node* node = reader.find("seed"); node && seed < 0) reader.fail(*node, input_error("'seed' in [quantize] must not be negative"));
  settings.seed = static_cast<uint64_t>(seed);
  return reader.status();
}

Status read_section(std::string_view name, const toml::table& table, const RecipePlace& origin, Recipe& recipe) {
  if (name == "model") return read_model(table, origin, recipe.model);
  if (name == "preprocess") return read_preprocess(table, origin, recipe.preprocess.emplace());
  if (name == "task") return read_task(table, origin, recipe.task);
  if (name == "calibration") return read_calibration(table, origin, recipe.calibration.emplace());
  if (name == "validation") return read_validation(table, origin, recipe.validation.emplace());
  return read_quantize(table, origin.place, recipe.quantize);
}

// Types are checked by the reader, values by find_fault(); the fault's key tells the line.
Error at_key(const toml::table& root, RecipeFault fault, const std::string& place) {
  const toml::node_view<const toml::node> section = root[fault.section];
  const toml::node* node = fault.key.empty() ? section.node() : section[fault.key].node();
  if (!node) node = section.node();
  return std::move(fault.error).in(node ? line_of(node->source(), place) : place);
}

Result<Recipe> read_recipe(const toml::table& root, const RecipePlace& origin) {
  Recipe recipe;
  TableReader sections(root, "the recipe", origin.place, kSections);
  HT_TRY(sections.status());
  for (std::string_view name : kSections) {
    const toml::node* node = root.get(name);
    if (!node) continue;
    if (!node->is_table()) return input_error("'{}' must be a section: [{}]", name, name).in(line_of(node->source(), origin.place));
    const bool is_of_files = name == "model" || name == "calibration" || name == "validation";
    if (is_of_files && !origin.names_files) return input_error("a model's own recipe must not name files; [{}] does", name).in(line_of(node->source(), origin.place));
    HT_TRY(read_section(name, *node->as_table(), origin, recipe));
  }
  return recipe;
}

}  // namespace

Result<Recipe> parse_stored_recipe(std::string_view text, const std::string& place) {
  if (text.size() > kMaxRecipeBytes) return input_error("the stored recipe is larger than a recipe can be").in(place);
  HT_ASSIGN(const toml::table root, parse_toml(text, place));
  HT_ASSIGN(Recipe recipe, read_recipe(root, {{}, place, false}));
  if (recipe.preprocess) {
    if (auto fault = find_fault(*recipe.preprocess)) return at_key(root, *std::move(fault), place);
  }
  if (auto fault = find_fault(recipe.task)) return at_key(root, *std::move(fault), place);
  return recipe;
}

}  // namespace ht

namespace halftone {

Result<Recipe> parse_recipe(std::string_view text, const std::filesystem::path& folder, const std::string& place) {
  HT_ASSIGN(const toml::table root, ht::parse_toml(text, place));
  if (!root.contains("model")) return ht::input_error("needs a section [model] with the model's 'path'").in(place);
  HT_ASSIGN(Recipe recipe, ht::read_recipe(root, {folder, place}));
  if (auto fault = ht::find_fault(recipe)) return ht::at_key(root, *std::move(fault), place);
  return recipe;
}

Result<Recipe> load_recipe(const std::filesystem::path& path) {
  HT_ASSIGN(const std::vector<uint8_t> bytes, ht::read_file(path, ht::kMaxRecipeBytes));
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return parse_recipe(text, path.parent_path(), path.string());
}

Status check_recipe(const Recipe& recipe) {
  auto fault = ht::find_fault(recipe);
  return fault ? Status(std::move(fault->error)) : Status();
}

Status check_settings(const QuantizeSettings& settings) {
  auto fault = ht::find_fault(settings);
  return fault ? Status(std::move(fault->error)) : Status();
}

std::vector<SettingKey> quantize_keys() {
  return {{"target", "native | onnxruntime | openvino | cortex-m"},
          {"weights", "8 | 4 | float16"},
          {"average_bits", "of weights = 4: a number from 4 to 8"},
          {"group", "0 | 32 | 64 | 128"},
          {"activations", "8 | 16 | float"},
          {"symmetric", "true | false"},
          {"ranges", "mse | minmax | average | percentile | entropy"},
          {"granularity", "channel | tensor"},
          {"head", "float | quantize"},
          {"rounding", "nearest | gptq | descent | least-squares"},
          {"correct_bias", "true | false"},
          {"prefer", "accuracy | latency"},
          {"fast", "no second look at photos", true},
          {"keep_float", "names of nodes, separated by commas; * and ? stand for any characters"},
          {"seed", "a whole number"}};
}

Status set_quantize_key(QuantizeSettings& settings, std::string_view key, std::string_view value) {
  static constexpr auto kNumbers = std::to_array<std::string_view>({"weights", "group", "activations", "seed"});
  toml::table table;
  const bool is_word = (key == "weights" && value == "float16") || (key == "activations" && value == "float");
  if (std::find(kNumbers.begin(), kNumbers.end(), key) != kNumbers.end() && !is_word) {
    int64_t number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (error == std::errc::result_out_of_range) return ht::usage_error("'{}' is {}, but must be below 2^63", key, value);
    if (error != std::errc() || end != value.data() + value.size()) return ht::usage_error("'{}' must be a whole number, not '{}'", key, value);
    table.insert(key, number);
  } else if (key == "average_bits") {
    double number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (error != std::errc() || end != value.data() + value.size()) return ht::usage_error("'{}' must be a number, not '{}'", key, value);
    table.insert(key, number);
  } else if (key == "symmetric" || key == "correct_bias" || key == "fast") {
    if (value != "true" && value != "false") return ht::usage_error("'{}' must be true or false, not '{}'", key, value);
    table.insert(key, value == "true");
  } else if (key == "keep_float") {
    toml::array names;
    for (size_t start = 0; start <= value.size();) {
      const size_t comma = std::min(value.find(',', start), value.size());
      names.push_back(std::string(value.substr(start, comma - start)));
      start = comma + 1;
    }
    table.insert(key, std::move(names));
  } else {
    table.insert(key, std::string(value));
  }
  auto status = ht::read_quantize(table, "", settings);
  if (!status && status.error().code == ErrorCode::kInput) status.error().code = ErrorCode::kUsage;
  return status;
}

}  // namespace halftone
