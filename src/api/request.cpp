// SPDX-License-Identifier: Apache-2.0
#include "api/request.h"

#include <algorithm>

#include "api/calibrate.h"
#include "api/content.h"
#include "api/metadata.h"
#include "base/thread_pool.h"

namespace ht {
namespace {

using halftone::Recipe;

// Calibration numbers its methods in another order than the recipe names them.
RangeMethod range_method(halftone::Ranges ranges) {
  switch (ranges) {
    case halftone::Ranges::kMse: return RangeMethod::kMse;
    case halftone::Ranges::kMinMax: return RangeMethod::kMinMax;
    case halftone::Ranges::kPercentile: return RangeMethod::kPercentile;
    case halftone::Ranges::kEntropy: return RangeMethod::kEntropy;
    case halftone::Ranges::kAverage: return RangeMethod::kAverage;
  }
  return RangeMethod::kMse;
}

std::optional<int> activation_bits(int bits) { return bits == halftone::kFloatActivations ? std::nullopt : std::optional(bits); }

WeightRounding method_of(halftone::Rounding rounding) {
  switch (rounding) {
    case halftone::Rounding::kNearest: return WeightRounding::kNearest;
    case halftone::Rounding::kGptq: return WeightRounding::kGptq;
    case halftone::Rounding::kDescent: return WeightRounding::kDescent;
    case halftone::Rounding::kLeastSquares: return WeightRounding::kLeastSquares;
  }
  return WeightRounding::kNearest;
}

// What 4 bits lose is so much that any photos tell how to win it back.
std::optional<WeightRounding> weight_rounding(const halftone::QuantizeSettings& settings) {
  if (settings.rounding) return method_of(*settings.rounding);
  const bool has_4_bits =
      settings.weights == 4 || std::ranges::any_of(settings.layers, [](const auto& layer) { return layer.weights == 4; });
  return has_4_bits ? std::optional(WeightRounding::kLeastSquares) : std::nullopt;
}

LayerRule make_rule(const halftone::LayerSettings& layer) {
  LayerRule rule{.match = layer.match, .weights = layer.weights, .symmetric = layer.symmetric, .keep_float = layer.keep_float};
  if (layer.group) rule.group = *layer.group;
  if (layer.activations) rule.activations = activation_bits(*layer.activations);
  if (layer.granularity) rule.per_channel = *layer.granularity == halftone::Granularity::kChannel;
  if (layer.ranges) rule.ranges = range_method(*layer.ranges);
  return rule;
}

// The same model with another input_shape may have other channels.
Status check_channels(const Statistics& statistics, const Graph& graph) {
  for (const ObservedValue& value : values_to_observe(graph)) {
    const auto found = statistics.values.find(value.name);
    if (found == statistics.values.end() || found->second.channels() == value.channels) continue;
    return input_error("are of {} channels of the value '{}', of which the model has {} with the recipe's input_shape; calibrate again", found->second.channels(),
                       value.name, value.channels);
  }
  return {};
}

// The hash of the data that skip_bad leaves of what [calibration] names.
Result<std::string> readable_data_hash(const Graph& graph, const Recipe& recipe) {
  HT_ASSIGN(const Samples samples, calibration_samples(graph, recipe));
  DataHash hash;
  for (int64_t i = 0; i < samples.size(); ++i) {
    const auto sample = samples.read(i);
    if (sample) HT_TRY(hash.add(sample->hash));
    else if (sample.error().code != ErrorCode::kInput) return sample.error();
  }
  return hash.hex();
}

Status check_statistics(const halftone::Statistics& given, const halftone::Model& model, const Recipe& recipe) {
  const Statistics& statistics = given.content().statistics;
  const std::string& place = given.content().path;
  if (statistics.provenance.model != model.content().hash)
    return input_error("were made from another model than {}; calibrate that one", model.path().string()).in(place);
  if (statistics.provenance.preprocess != preprocess_hash(recipe.preprocess))
    return input_error("were made with another [preprocess] than the recipe's; calibrate again").in(place);
  if (!statistics.provenance.complete())
    return input_error("are {} of {} shards; merge them with the others first", statistics.provenance.done.size(), statistics.provenance.shards).in(place);
  if (auto status = check_channels(statistics, model.content().graph); !status) return std::move(status.error()).in(place);
  if (!recipe.calibration) return {};
  const auto hash_of_data = statistics.skipped > 0 ? readable_data_hash : data_hash;
  HT_ASSIGN(const std::string wanted, hash_of_data(model.content().graph, recipe));
  if (wanted != statistics.data.hex())
    return input_error("were made from other data than the recipe's [calibration] names; calibrate again, or leave the section out").in(place);
  return {};
}

// Who asks for the plain methods, or for a quick result, gets that.
bool wants_best(const Recipe& recipe, const QuantizeRequest& request) {
  return recipe.calibration && !recipe.quantize.fast && needs_statistics(request) && request.layers.ranges == RangeMethod::kMse && !request.quantize_head;
}

}  // namespace

Result<std::string> data_hash(const Graph& graph, const Recipe& recipe) {
  HT_ASSIGN(const Samples samples, calibration_samples(graph, recipe));
  DataHash hash;
  for (int64_t i = 0; i < samples.size(); ++i) {
    HT_ASSIGN(const std::string one, samples.hash(i));
    HT_TRY(hash.add(one));
  }
  return hash.hex();
}

Result<QuantizeRequest> make_request(const halftone::QuantizeSettings& settings, const Context& context) {
  QuantizeRequest request;
  request.refine = {weight_rounding(settings), resolve_threads(context.threads), settings.correct_bias};
  HT_ASSIGN(request.target, find_target(settings.target));
  request.layers.weights = settings.weights;
  request.layers.group = settings.group;
  if (settings.average_bits) request.wide.average_bits = *settings.average_bits;
  // Weights as float16 are no integers, and nothing else becomes one.
  request.layers.activations = settings.weights == halftone::kFloat16Weights ? std::nullopt : activation_bits(settings.activations);
  request.layers.symmetric = settings.symmetric;
  request.layers.ranges = range_method(settings.ranges);
  request.layers.per_channel = settings.granularity == halftone::Granularity::kChannel;
  for (const halftone::LayerSettings& layer : settings.layers) request.rules.push_back(make_rule(layer));
  request.quantize_head = settings.head == halftone::HeadTreatment::kQuantize;
  request.keep_float = settings.keep_float;
  return request;
}

bool looks_at_photos(const Recipe& recipe, const QuantizeRequest& request) { return wants_best(recipe, request) && request.layers.per_channel; }

bool may_move_factors(const Recipe& recipe, const QuantizeRequest& request) { return wants_best(recipe, request) && !request.layers.per_channel; }

bool spares_layers(const Recipe& recipe, const QuantizeRequest& request) {
  return looks_at_photos(recipe, request) && request.layers.activations == 8 && request.target.float_share > 0;
}

bool refines_ranges(const Recipe& recipe, const QuantizeRequest& request) { return looks_at_photos(recipe, request) && request.layers.activations == 8; }

bool widens_products(const Recipe& recipe, const QuantizeRequest& request) { return looks_at_photos(recipe, request) && request.layers.weights == 4; }

Result<std::optional<halftone::Statistics>> statistics_for(const halftone::Model& model, const Recipe& recipe, const QuantizeRequest& request,
                                                           const halftone::QuantizeOptions& options, const Context& context) {
  if (options.statistics) {
    HT_TRY(check_statistics(*options.statistics, model, recipe));
    return options.statistics;
  }
  if (!needs_statistics(request)) return std::optional<halftone::Statistics>();
  HT_ASSIGN(halftone::Statistics made, calibrate_model(model, recipe, {.skip_bad = options.skip_bad}, context));
  return std::optional(std::move(made));
}

}  // namespace ht
