// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <fmt/ranges.h>

#include "api/recipe.h"
#include "api/words.h"
#include "base/file.h"
#include "evaluate/head.h"

namespace ht {

std::string toml_text(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      result += '\\';
      result += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      result += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      result += c;
    }
  }
  return result + '"';
}

namespace {

using halftone::QuantizeSettings;
using halftone::Recipe;
using halftone::Task;
using halftone::TaskType;

std::string number(float value) {
  std::string text = fmt::format("{}", value);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

template <class Range, class Format>
std::string list(const Range& range, Format format) {
  std::string text = "[";
  for (const auto& element : range) {
    if (text.size() > 1) text += ", ";
    text += format(element);
  }
  return text + "]";
}

std::string texts(const std::vector<std::string>& values) { return list(values, toml_text); }
std::string numbers(const std::array<float, 3>& values) { return list(values, number); }

// Lines "key = value   # comment" under a "[section]"; comments only where they are wanted.
class Writer {
 public:
  explicit Writer(bool comments) : comments_(comments) {}

  void remark(std::string_view text) {
    if (comments_) text_ += fmt::format("# {}\n", text);
  }
  void section(std::string_view name) { text_ += fmt::format("{}[{}]\n", text_.empty() ? "" : "\n", name); }
  void key(std::string_view name, const std::string& value, std::string_view comment = {}) {
    line(fmt::format("{} = {}", name, value), comment);
  }
  // A key that is not set, shown so that the user finds it.
  void hint(std::string_view name, std::string_view value, std::string_view comment) {
    if (comments_) line(fmt::format("# {} = {}", name, value), comment);
  }
  std::string take() { return std::move(text_); }

 private:
  void line(const std::string& content, std::string_view comment) {
    if (comments_ && !comment.empty()) {
      text_ += fmt::format("{:<39} # {}\n", content, comment);
    } else {
      text_ += content + '\n';
    }
  }

  bool comments_;
  std::string text_;
};

void write_preprocess(Writer& writer, const halftone::Preprocess& preprocess) {
  writer.section("preprocess");
  writer.remark("How the model was trained decides this section: compare with the model's own documentation.");
  writer.key("size", fmt::format("[{}, {}]", preprocess.height, preprocess.width), "height, width");
  writer.key("resize", toml_text(word_of(preprocess.resize)), "letterbox | stretch | center-crop | none");
  if (preprocess.resize == halftone::Resize::kLetterbox) {
    writer.key("place", toml_text(word_of(preprocess.place)), "top-left | center");
    writer.key("pad", fmt::format("[{}]", fmt::join(preprocess.pad, ", ")), "in the order of color");
  }
  writer.key("color", toml_text(word_of(preprocess.color)), "bgr | rgb | gray");
  writer.key("mean", numbers(preprocess.mean), "(x - mean) / std with x in 0..255");
  writer.key("std", numbers(preprocess.std));
  writer.key("interpolation", toml_text(word_of(preprocess.interpolation)), "bilinear | area | nearest | cubic");
  if (preprocess.layout) writer.key("layout", toml_text(word_of(*preprocess.layout)));
  if (preprocess.type) writer.key("type", toml_text(word_of(*preprocess.type)));
}

std::string anchor_lists(const std::vector<std::vector<halftone::Anchor>>& levels) {
  const auto anchor = [](const halftone::Anchor& a) { return fmt::format("[{}, {}]", number(a.width), number(a.height)); };
  return list(levels, [&](const auto& level) { return list(level, anchor); });
}

std::string number_lists(const std::vector<std::vector<float>>& lists) {
  return list(lists, [](const auto& numbers) { return list(numbers, number); });
}

void write_priors(Writer& writer, const Task& task) {
  const auto prior = [](const halftone::Prior& p) { return list(std::array{p.x, p.y, p.width, p.height}, number); };
  if (!task.priors.empty()) writer.key("priors", list(task.priors, prior), "centre and size in fractions of the input");
  if (!task.sizes.empty()) writer.key("sizes", number_lists(task.sizes), "of priors, in pixels of the input");
  if (!task.ratios.empty()) writer.key("ratios", number_lists(task.ratios), "width to height");
  if (!task.steps.empty()) writer.key("steps", list(task.steps, number), "pixels from prior to prior");
  if (!task.variances.empty()) writer.key("variances", list(task.variances, number), "of centre and size");
}

void write_classes(Writer& writer, const Task& task) {
  if (!task.classes.empty()) {
    writer.key("classes", texts(task.classes));
  } else if (!task.class_list.empty()) {
    writer.key("classes", toml_text(task.class_list), "a built-in list, or [\"person\", ...] in the model's order");
  } else {
    writer.hint("classes", "[\"cat\", \"dog\"]", "names in the model's order");
  }
}

void write_task(Writer& writer, const Task& task) {
  writer.section("task");
  writer.key("type", toml_text(word_of(task.type)), "detection | classification | none");
  if (task.type != TaskType::kNone) write_classes(writer, task);
  if (task.type != TaskType::kDetection) return;
  if (!task.head.empty()) writer.key("head", toml_text(task.head), fmt::format("{}", fmt::join(head_names(), " | ")));
  if (!task.strides.empty()) writer.key("strides", fmt::format("[{}]", fmt::join(task.strides, ", ")));
  if (!task.anchors.empty()) writer.key("anchors", anchor_lists(task.anchors), "pixels of the input");
  if (task.center_offset) writer.key("center_offset", number(*task.center_offset));
  if (task.boxes) writer.key("boxes", toml_text(word_of(*task.boxes)), "cells | pixels | fractions");
  if (task.scores) writer.key("scores", toml_text(word_of(*task.scores)), "probability | logit | softmax");
  if (task.background) writer.key("background", toml_text(word_of(*task.background)), "the column that is no class: none | first | last");
  if (task.order) writer.key("order", toml_text(word_of(*task.order)), "xyxy | yxyx | xywh | cxcywh | cycxhw");
  write_priors(writer, task);
  if (task.first_class) writer.key("first_class", fmt::format("{}", *task.first_class), "what the model calls the first class");
  writer.key("score_threshold", number(task.score_threshold), "low for measuring, as COCO's figures need every box");
  writer.key("nms_threshold", number(task.nms_threshold));
  writer.key("max_detections", fmt::format("{}", task.max_detections));
  writer.key("multi_label", task.multi_label ? "true" : "false", "a box may count for several classes");
}

std::string text_of_weights(int bits) { return bits == halftone::kFloat16Weights ? toml_text("float16") : fmt::format("{}", bits); }
std::string text_of_activations(int bits) { return bits == halftone::kFloatActivations ? toml_text("float") : fmt::format("{}", bits); }

void write_layer(Writer& writer, const halftone::LayerSettings& layer) {
  writer.section("[quantize.layer]");
  writer.key("match", toml_text(layer.match));
  if (layer.weights) writer.key("weights", text_of_weights(*layer.weights));
  if (layer.group) writer.key("group", fmt::format("{}", *layer.group));
  if (layer.activations) writer.key("activations", text_of_activations(*layer.activations));
  if (layer.symmetric) writer.key("symmetric", *layer.symmetric ? "true" : "false");
  if (layer.ranges) writer.key("ranges", toml_text(word_of(*layer.ranges)));
  if (layer.granularity) writer.key("granularity", toml_text(word_of(*layer.granularity)));
  if (layer.keep_float) writer.key("float", *layer.keep_float ? "true" : "false");
}

void write_quantize(Writer& writer, const QuantizeSettings& settings) {
  writer.section("quantize");
  writer.key("target", toml_text(settings.target), "native | onnxruntime | openvino | cortex-m");
  writer.key("weights", text_of_weights(settings.weights), "bits: 8 | 4 | \"float16\"");
  if (settings.average_bits) writer.key("average_bits", fmt::format("{}", *settings.average_bits), "of a weight at most, as some keep 8: from 4 to 8");
  if (settings.group != 0) writer.key("group", fmt::format("{}", settings.group), "inputs that share a scale of 4-bit weights: 32 | 64 | 128");
  writer.key("activations", text_of_activations(settings.activations), "bits: 8 | 16 | \"float\"");
  if (settings.symmetric) writer.key("symmetric", *settings.symmetric ? "true" : "false");
  writer.key("ranges", toml_text(word_of(settings.ranges)), "mse | minmax | average | percentile | entropy");
  writer.key("granularity", toml_text(word_of(settings.granularity)), "of weights: channel | tensor");
  writer.key("head", toml_text(word_of(settings.head)), "float | quantize");
  if (settings.rounding) writer.key("rounding", toml_text(word_of(*settings.rounding)));
  if (!settings.correct_bias) writer.key("correct_bias", "false");
  if (settings.prefer != QuantizeSettings{}.prefer) writer.key("prefer", toml_text(word_of(settings.prefer)));
  if (settings.fast) writer.key("fast", "true");
  if (settings.keep_float.empty()) {
    writer.hint("keep_float", "[\"name\", \"head.*\"]", "nodes that stay in float");
  } else {
    writer.key("keep_float", texts(settings.keep_float));
  }
  if (settings.seed != 0) writer.key("seed", fmt::format("{}", settings.seed));
  for (const halftone::LayerSettings& layer : settings.layers) write_layer(writer, layer);
}

// The path as seen from the recipe's folder.
std::string seen_from(const std::filesystem::path& folder, const std::filesystem::path& path) {
  std::error_code error;
  const auto absolute_folder = std::filesystem::absolute(folder.empty() ? "." : folder, error).lexically_normal();
  const auto absolute_path = std::filesystem::absolute(path, error).lexically_normal();
  if (error || path.is_absolute()) return path.string();
  const auto relative = absolute_path.lexically_relative(absolute_folder);
  return relative.empty() ? path.string() : relative.string();
}

template <class Data>
void write_images(Writer& writer, const std::filesystem::path& folder, const Data& data, std::string_view comment) {
  std::vector<std::string> arrays;
  for (const std::string& path : data.arrays) arrays.push_back(seen_from(folder, path));
  writer.key("images", arrays.empty() ? toml_text(seen_from(folder, data.images)) : texts(arrays), comment);
}

void write_data(Writer& writer, const Recipe& recipe, const std::filesystem::path& folder) {
  writer.section("calibration");
  if (recipe.calibration) {
    write_images(writer, folder, *recipe.calibration, "folder, pattern, list file or arrays");
    writer.key("count", fmt::format("{}", recipe.calibration->count), "the first so many in sorted order");
  } else {
    writer.remark("DECIDE: photos as the model will see them in use, a hundred or so; no labels are needed.");
    writer.key("images", toml_text("calibration"), "folder, pattern, list file or [\"inputs.npy\"]");
    writer.key("count", "100", "the first so many in sorted order");
  }
  if (recipe.validation) {
    writer.section("validation");
    write_images(writer, folder, *recipe.validation, "never the calibration's photos");
    if (!recipe.validation->annotations.empty()) writer.key("annotations", toml_text(seen_from(folder, recipe.validation->annotations)));
  } else {
    writer.remark("");
    writer.remark("DECIDE: labelled photos that are not among the calibration's; without them `validate` has nothing to measure.");
    writer.remark("[validation]");
    writer.hint("images", "\"validation/images\"", "folder, pattern, list file or arrays");
    writer.hint("annotations", "\"validation/instances.json\"", "COCO; a CSV file,label for classification");
  }
}

}  // namespace

std::string stored_recipe(const Recipe& recipe) {
  Writer writer(false);
  if (recipe.preprocess) write_preprocess(writer, *recipe.preprocess);
  write_task(writer, recipe.task);
  write_quantize(writer, recipe.quantize);
  return writer.take();
}

}  // namespace ht

namespace halftone {

std::string format_recipe(const Recipe& recipe, const std::filesystem::path& folder) {
  ht::Writer writer(true);
  writer.section("model");
  writer.key("path", ht::toml_text(ht::seen_from(folder, recipe.model.path)));
  if (!recipe.model.input_shape.empty()) writer.key("input_shape", fmt::format("[{}]", fmt::join(recipe.model.input_shape, ", ")));
  if (recipe.preprocess) ht::write_preprocess(writer, *recipe.preprocess);
  ht::write_task(writer, recipe.task);
  ht::write_data(writer, recipe, folder);
  ht::write_quantize(writer, recipe.quantize);
  return writer.take();
}

Status save_recipe(const Recipe& recipe, const std::filesystem::path& path) {
  return ht::write_file(path, format_recipe(recipe, path.parent_path()));
}

}  // namespace halftone
