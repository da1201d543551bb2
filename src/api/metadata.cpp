// SPDX-License-Identifier: Apache-2.0
#include "api/metadata.h"

#include <nlohmann/json.hpp>

#include "api/recipe.h"
#include "base/file.h"
#include "halftone/operations.h"

namespace ht {
namespace {

using halftone::ClassificationMetrics;
using halftone::DetectionMetrics;
using halftone::Recipe;
using Json = nlohmann::ordered_json;

Json to_object(const halftone::TaskMetrics& metrics) {
  if (const auto* detection = std::get_if<DetectionMetrics>(&metrics))
    return {{"AP", detection->ap}, {"AP50", detection->ap50}, {"AP75", detection->ap75}};
  if (const auto* classification = std::get_if<ClassificationMetrics>(&metrics))
    return {{"top1", classification->top1}, {"top5", classification->top5}};
  return Json::object();
}

}  // namespace

std::string preprocess_hash(const std::optional<halftone::Preprocess>& preprocess) {
  Recipe alone;
  alone.preprocess = preprocess;
  return sha256(preprocess ? stored_recipe(alone) : "arrays");
}

std::string manifest(const Origin& origin) {
  const Json document{{"version", halftone::version()},
                      {"model", origin.model_hash},
                      {"data", origin.data_hash},
                      {"preprocess", origin.preprocess_hash},
                      {"calibration_images", origin.calibration_images},
                      {"isa", origin.isa},
                      {"target", origin.target},
                      {"quantized_nodes", origin.quantized_nodes},
                      {"float_nodes", origin.float_nodes}};
  return document.dump();
}

Result<std::string> with_validation(const std::string& manifest_text, const halftone::TaskMetrics& metrics, int64_t images,
                                    const std::string& data_hash) {
  // Printing takes a call a level.
  constexpr int kMostLevels = 16;
  bool is_deep = false;
  const auto look = [&](int depth, Json::parse_event_t, Json&) { return !(is_deep |= depth > kMostLevels); };
  Json document = Json::parse(manifest_text.empty() ? "{}" : manifest_text, look, false);
  if (is_deep || !document.is_object()) return input_error("the manifest in the model is damaged");
  document["validation"] = {{"images", images}, {"data", data_hash}, {"metrics", to_object(metrics)}};
  return document.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string origin_model(const Graph& graph) {
  const auto found = graph.metadata.find(kManifestKey);
  const Json document = Json::parse(found == graph.metadata.end() ? "" : found->second, nullptr, false);
  return document.is_object() && document.contains("model") && document["model"].is_string() ? document["model"].get<std::string>() : "";
}

Result<std::optional<Recipe>> written_recipe(const Graph& graph) {
  const auto found = graph.metadata.find(kRecipeKey);
  if (found == graph.metadata.end()) return std::optional<Recipe>();
  HT_ASSIGN(Recipe recipe, parse_stored_recipe(found->second, std::string("metadata ") + kRecipeKey));
  return std::optional(std::move(recipe));
}

Status check_agreement(const Recipe& written, const Recipe& recipe, const std::string& model) {
  const auto contradicts = [&](std::string_view what) {
    return input_error("was quantized with another {} than the recipe says; use the recipe it was made with, or quantize again", what).in(model);
  };
  if (written.preprocess != recipe.preprocess) return contradicts("[preprocess]");
  const halftone::Task &a = written.task, &b = recipe.task;
  if (a.type != b.type || (!b.head.empty() && a.head != b.head)) return contradicts("type or head in [task]");
  if (a.class_list != b.class_list || a.classes != b.classes) return contradicts("'classes' in [task]");
  const bool anchors_differ = !b.anchors.empty() && a.anchors != b.anchors;
  if (anchors_differ || (!b.head.empty() && a.center_offset != b.center_offset)) return contradicts("'anchors' or 'center_offset' in [task]");
  const bool strides_differ = !a.strides.empty() && !b.strides.empty() && a.strides != b.strides;
  if (strides_differ) return contradicts("'strides' in [task]");
  if ((b.boxes && a.boxes != b.boxes) || (b.scores && a.scores != b.scores)) return contradicts("'boxes' or 'scores' in [task]");
  const bool columns_differ = (b.background && a.background != b.background) || (b.order && a.order != b.order);
  if (columns_differ || (b.first_class && a.first_class != b.first_class))
    return contradicts("'background', 'order' or 'first_class' in [task]");
  const auto differ = [](const auto& written_list, const auto& list) { return !list.empty() && written_list != list; };
  if (differ(a.priors, b.priors) || differ(a.sizes, b.sizes) || differ(a.ratios, b.ratios) || differ(a.steps, b.steps) ||
      differ(a.variances, b.variances))
    return contradicts("priors in [task]");
  return {};
}

std::string other_thresholds(const Recipe& written, const Recipe& recipe) {
  std::string text;
  const auto compare = [&](std::string_view key, auto written_value, auto value) {
    if (written_value != value) text += fmt::format("{}{} = {} instead of {}", text.empty() ? "" : ", ", key, value, written_value);
  };
  compare("score_threshold", written.task.score_threshold, recipe.task.score_threshold);
  compare("nms_threshold", written.task.nms_threshold, recipe.task.nms_threshold);
  compare("max_detections", written.task.max_detections, recipe.task.max_detections);
  compare("multi_label", written.task.multi_label, recipe.task.multi_label);
  return text;
}

}  // namespace ht
