// SPDX-License-Identifier: Apache-2.0
#include "halftone/json.h"

#include <cmath>
#include <initializer_list>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/file.h"

namespace halftone {
namespace {

using Json = nlohmann::ordered_json;

// Grows when a key changes its meaning or goes away; new keys do not count.
constexpr int kVersion = 1;

Json document() { return Json{{"version", kVersion}}; }

// Names come from foreign files and need not be valid UTF-8.
std::string text_of(const Json& json) { return json.dump(2, ' ', false, Json::error_handler_t::replace); }

template <class Value>
Json optional(const std::optional<Value>& value) {
  return value ? Json(*value) : Json();
}

Json name_or_null(const std::string& name) { return name.empty() ? Json() : Json(name); }

// JSON knows no infinity: an output that does not differ has no noise to give in decibel.
Json finite(const std::optional<double>& value) { return value && std::isfinite(*value) ? Json(*value) : Json(); }

template <class Range, class Convert>
Json list(const Range& range, Convert convert) {
  Json array = Json::array();
  for (const auto& element : range) array.push_back(convert(element));
  return array;
}

Json to_object(const ValueInfo& value) { return {{"name", value.name}, {"type", value.type}, {"shape", value.shape}}; }
Json to_object(const OperatorCount& row) { return {{"op", row.op}, {"count", row.count}}; }
Json to_object(const Refusal& refusal) { return {{"name", refusal.name}, {"op", refusal.op}, {"reason", refusal.reason}}; }

Json to_object(const RangeInfo& range) {
  return {{"name", range.name}, {"type", range.type}, {"channels", range.channels}, {"min", range.min}, {"max", range.max},
          {"scale", optional(range.scale)}, {"zero_point", optional(range.zero_point)}, {"observed_min", optional(range.observed_min)},
          {"observed_max", optional(range.observed_max)}, {"mean", optional(range.mean)}, {"rms", optional(range.rms)},
          {"bits_used", optional(range.bits_used)}};
}

Json to_object(const std::optional<RangeInfo>& range) { return range ? to_object(*range) : Json(); }

Json to_object(const LayerInfo& layer) {
  return {{"name", layer.name}, {"op", layer.op}, {"inputs", layer.inputs}, {"output", layer.output}, {"parameters", layer.parameters},
          {"macs", layer.macs}, {"float_bytes", layer.float_bytes}, {"bytes", layer.bytes}, {"moved_bytes", layer.moved_bytes},
          {"intensity", layer.intensity}, {"kernel", layer.kernel}, {"weights", to_object(layer.weights)}, {"range", to_object(layer.range)}};
}

Json to_object(const AnalyzedValue& value) {
  return {{"name", value.name}, {"type", value.type}, {"scales", value.scales}, {"min", value.min}, {"max", value.max},
          {"observed_min", value.observed_min}, {"observed_max", value.observed_max}, {"clipped", value.clipped}, {"unseen", value.unseen},
          {"channels", value.channels}, {"dead_channels", value.dead_channels}, {"spread", optional(value.spread)},
          {"histogram", {{"min", value.histogram.min}, {"max", value.histogram.max}, {"counts", value.histogram.counts}}}};
}

Json to_object(const LayerHarm& layer) {
  return {{"name", layer.name}, {"op", layer.op}, {"values", layer.values}, {"weight_bits", optional(layer.weight_bits)},
          {"input_bits", optional(layer.input_bits)}, {"weights_error", optional(layer.weights_error)},
          {"inputs_error", optional(layer.inputs_error)}, {"error", layer.error}, {"weight_spread", optional(layer.weight_spread)},
          {"spared", layer.spared}, {"drop_alone", optional(layer.drop_alone)}, {"gain_in_float", optional(layer.gain_in_float)}};
}

Json to_object(const Remedy& remedy) {
  return {{"layer", remedy.layer}, {"words", remedy.words}, {"recipe", remedy.recipe}, {"error", remedy.error}, {"recommended", remedy.recommended}};
}

Json to_object(const CompiledTensor& tensor) {
  return {{"name", tensor.name}, {"value", tensor.value}, {"type", tensor.type}, {"shape", tensor.shape}, {"channels_last", tensor.channels_last},
          {"scales", tensor.scales}, {"zero_points", tensor.zero_points}, {"bytes", tensor.bytes}};
}

Json to_object(const CompiledLayer& layer) {
  return {{"name", layer.name}, {"op", layer.op}, {"kernel", layer.kernel}, {"macs", layer.macs}, {"instructions", optional(layer.instructions)}};
}

Json to_object(const CompileVerification& verification) {
  return {{"identical", verification.identical},
          {"output", verification.output},
          {"instructions", optional(verification.instructions)},
          {"stack_bytes", optional(verification.stack_bytes)},
          {"text_bytes", optional(verification.text_bytes)},
          {"data_bytes", optional(verification.data_bytes)},
          {"bss_bytes", optional(verification.bss_bytes)}};
}

Json to_object(const LayerTime& layer) {
  Json json = {{"name", layer.name}, {"op", layer.op}, {"ms", layer.ms}, {"macs", layer.macs}, {"kernel", layer.kernel}};
  if (layer.peak_share) json["peak_share"] = *layer.peak_share;
  if (layer.compared_ms) json["compared_ms"] = *layer.compared_ms;
  return json;
}

Json to_object(const OutputFidelity& output) {
  return {{"name", output.name}, {"snr_db", finite(output.snr_db)}, {"cosine", finite(output.cosine)}, {"max_error", output.max_error}};
}

Json to_object(const WorstChannel& worst) {
  return {{"channel", worst.channel}, {"snr_db", finite(worst.snr_db)}, {"noise_share", optional(worst.noise_share)}};
}

Json to_object(const ValueComparison& value) {
  Json object = {{"name", value.name}};
  if (!value.name_b.empty()) object["name_b"] = value.name_b;
  object.update({{"layer", value.layer}, {"op", value.op}, {"type_a", value.type_a}, {"type_b", value.type_b}, {"shape", value.shape},
                 {"equal", value.equal}, {"snr_db", finite(value.snr_db)}, {"cosine", finite(value.cosine)},
                 {"max_error", finite(value.max_error)}, {"worst_channel", value.worst_channel ? to_object(*value.worst_channel) : Json()}});
  return object;
}

Json to_object(const KernelInfo& kernel) {
  Json object = {{"operation", kernel.operation}, {"chosen", kernel.chosen}, {"variants", kernel.variants}};
  if (kernel.equal) object["equal"] = *kernel.equal;
  return object;
}

Json to_object(const BitsCount& count) {
  return {{"weights", optional(count.weights)}, {"activations", optional(count.activations)}, {"layers", count.layers}};
}

Json to_object(const SearchedLayer& layer) {
  return {{"name", layer.name}, {"op", layer.op}, {"parameters", layer.weights}, {"weights", optional(layer.weight_bits)},
          {"activations", optional(layer.activation_bits)}, {"error", layer.error}};
}

constexpr auto kToObject = [](const auto& value) { return to_object(value); };

Json to_object(const Task& task) {
  return {{"head", task.head}, {"strides", task.strides}, {"classes", task.classes.empty() ? Json(task.class_list) : Json(task.classes)}};
}

Json to_object(std::monostate) { return Json::object(); }
Json to_object(const ClassificationMetrics& m) { return {{"top1", m.top1}, {"top5", m.top5}}; }
Json to_object(const DetectionMetrics& m) {
  return {{"AP", m.ap}, {"AP50", m.ap50}, {"AP75", m.ap75}, {"AP_small", m.ap_small}, {"AP_medium", m.ap_medium}, {"AP_large", m.ap_large},
          {"AR_1", m.ar_1}, {"AR_10", m.ar_10}, {"AR_100", m.ar_100}, {"AR_small", m.ar_small}, {"AR_medium", m.ar_medium}, {"AR_large", m.ar_large}};
}

Json to_object(const std::optional<Interval>& interval) { return interval ? Json{interval->low, interval->high} : Json(); }

Json to_object(const std::optional<TaskMetrics>& metrics) {
  return metrics ? std::visit([](const auto& m) { return to_object(m); }, *metrics) : Json();
}

}  // namespace

std::string to_json(const InitResult& result) {
  Json json = document();
  json["output"] = name_or_null(result.output);
  json["recipe"] = result.recipe;
  return text_of(json);
}

std::string to_json(const RunResult& result) {
  Json json = document();
  json["output"] = name_or_null(result.output);
  json["values"] = name_or_null(result.values);
  return text_of(json);
}

std::string to_json(const InspectResult& result) {
  Json json = document();
  json["path"] = result.path;
  json["kind"] = result.kind;
  json["bytes"] = result.bytes;
  if (result.kind == "statistics") {
    json["images"] = result.images;
  } else {
    json["inputs"] = list(result.inputs, kToObject);
    json["outputs"] = list(result.outputs, kToObject);
    json["operators"] = list(result.operators, kToObject);
    json["parameters"] = result.parameters;
    json["weight_bytes"] = result.weight_bytes;
    json["macs"] = result.macs;
    json["conversions"] = result.conversions;
    json["head"] = result.task ? to_object(*result.task) : Json();
    json["layers"] = list(result.layers, kToObject);
    json["unsupported"] = list(result.unsupported, kToObject);
  }
  json["ranges"] = list(result.ranges, kToObject);
  return text_of(json);
}

std::string to_json(const QuantizeResult& result) {
  Json json = document();
  json["output"] = result.output;
  json["seconds"] = result.seconds;
  json["peak_rss_bytes"] = result.peak_rss_bytes;
  json["float_bytes"] = result.float_bytes;
  json["quantized_bytes"] = result.quantized_bytes;
  json["quantized_nodes"] = result.quantized_nodes;
  json["float_nodes"] = list(result.float_nodes, kToObject);
  if (result.target_cost) json["target_cost"] = {{"snr_db", result.target_cost->snr_db}, {"native_snr_db", result.target_cost->native_snr_db}};
  json["notes"] = result.notes;
  return text_of(json);
}

std::string to_json(const AnalyzeResult& result) {
  const auto object = [](const auto& element) { return to_object(element); };
  Json json = document();
  json["photos"] = result.photos;
  json["held_out"] = result.held_out;
  json["heads"] = result.heads;
  json["error"] = result.error;
  json["metric"] = result.metric;
  json["float_metric"] = optional(result.float_metric);
  json["quantized_metric"] = optional(result.quantized_metric);
  json["metric_images"] = result.metric_images;
  json["layers"] = list(result.layers, object);
  json["values"] = list(result.values, object);
  json["remedies"] = list(result.remedies, object);
  json["notes"] = result.notes;
  return text_of(json);
}

std::string to_json(const ValidateResult& result) {
  Json json = document();
  json["images"] = result.images;
  json["float"] = to_object(result.float_model);
  json["quantized"] = to_object(result.quantized_model);
  json["drop"] = optional(result.drop);
  if (result.agreement) json["agreement"] = *result.agreement;
  if (result.bootstrap) {
    json["bootstrap"] = result.bootstrap;
    json["float_interval"] = to_object(result.float_interval);
    json["quantized_interval"] = to_object(result.quantized_interval);
    json["drop_interval"] = to_object(result.drop_interval);
    json["drop_mean"] = optional(result.drop_mean);
    if (result.agreement) json["agreement_interval"] = to_object(result.agreement_interval);
  }
  json["outputs"] = list(result.outputs, kToObject);
  json["float_bytes"] = optional(result.float_bytes);
  json["quantized_bytes"] = optional(result.quantized_bytes);
  json["seconds"] = result.seconds;
  return text_of(json);
}

std::string to_json(const CompareResult& result) {
  Json json = document();
  json["samples"] = result.samples;
  json["first_difference"] = optional(result.first_difference);
  json["values"] = list(result.values, kToObject);
  json["only_a"] = result.only_a;
  json["only_b"] = result.only_b;
  json["other_shape"] = result.other_shape;
  return text_of(json);
}

std::string to_json(const BenchResult& result) {
  Json json = document();
  json["threads"] = result.threads;
  json["isa"] = result.isa;
  json["runs"] = result.runs;
  json["median_ms"] = result.median_ms;
  json["min_ms"] = result.min_ms;
  json["p90_ms"] = result.p90_ms;
  json["load_ms"] = result.load_ms;
  json["first_run_ms"] = result.first_run_ms;
  json["peak_rss_bytes"] = result.peak_rss_bytes;
  json["arena_bytes"] = result.arena_bytes;
  json["macs"] = result.macs;
  json["conversions"] = result.conversions;
  if (result.compared_median_ms) json["compared_median_ms"] = *result.compared_median_ms;
  json["layers"] = list(result.layers, kToObject);
  return text_of(json);
}

std::string to_json(const KernelsResult& result) {
  Json json = document();
  json["detected_isa"] = result.detected_isa;
  json["allowed_isa"] = result.allowed_isa;
  json["kernels"] = list(result.kernels, kToObject);
  return text_of(json);
}

std::string to_json(const SearchResult& result) {
  Json json = document();
  json["output"] = result.output.empty() ? Json() : Json(result.output);
  json["recipe"] = result.recipe.empty() ? Json() : Json(result.recipe);
  json["fulfilled"] = result.fulfilled;
  json["truncated"] = result.truncated;
  json["float_metric"] = optional(result.float_metric);
  json["candidates"] = list(result.candidates, [](const SearchCandidate& candidate) {
    return Json{{"bytes", candidate.bytes}, {"bits", candidate.bits}, {"ms", optional(candidate.ms)}, {"snr_db", finite(candidate.snr_db)},
                {"metric", optional(candidate.metric)}, {"drop", optional(candidate.drop)}, {"fulfils", candidate.fulfils},
                {"chosen", candidate.chosen}, {"layers", list(candidate.layers, kToObject)}};
  });
  json["layers"] = list(result.layers, kToObject);
  json["measured"] = result.measured;
  json["remembered"] = result.remembered;
  json["seconds"] = result.seconds;
  json["peak_rss_bytes"] = result.peak_rss_bytes;
  return text_of(json);
}

std::string to_json(const CompileResult& result) {
  Json json = document();
  json["output"] = result.output;
  json["name"] = result.name;
  json["cpu"] = result.cpu;
  json["policy"] = result.policy;
  json["inputs"] = list(result.inputs, kToObject);
  json["outputs"] = list(result.outputs, kToObject);
  json["arena_bytes"] = result.arena_bytes;
  json["arena_lower_bound"] = result.arena_lower_bound;
  json["ram_bytes"] = result.ram_bytes;
  json["weight_bytes"] = result.weight_bytes;
  json["bias_bytes"] = result.bias_bytes;
  json["constant_bytes"] = result.constant_bytes;
  json["code_bytes"] = optional(result.code_bytes);
  json["flash_bytes"] = result.flash_bytes;
  json["macs"] = result.macs;
  json["bands"] = result.bands;
  json["extra_macs"] = result.extra_macs;
  json["vectors"] = result.vectors;
  json["layers"] = list(result.layers, kToObject);
  json["notes"] = result.notes;
  json["verification"] = result.verification ? to_object(*result.verification) : Json();
  return text_of(json);
}

std::string to_json(std::span<const ImageDetections> images) {
  Json json = Json::array();
  for (const ImageDetections& image : images) {
    for (const Detection& detection : image.detections) {
      json.push_back({{"image", image.image}, {"category_id", detection.category_id}, {"category", detection.category},
                      {"bbox", detection.bbox}, {"score", detection.score}});
    }
  }
  return text_of(json);
}

std::string to_json(const Error& error) {
  Json json = document();
  json["error"] = {{"code", static_cast<int>(error.code)}, {"place", error.place}, {"message", error.message}};
  return text_of(json);
}

Status write_text(const std::filesystem::path& path, std::string_view text) { return ht::write_file(path, text); }

}  // namespace halftone
