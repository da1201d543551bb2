// SPDX-License-Identifier: Apache-2.0
#include "quantize/float16.h"

#include <cmath>

#include "api/calibrate.h"
#include "api/content.h"
#include "api/detector.h"
#include "api/head_error.h"
#include "api/latency.h"
#include "api/measure.h"
#include "api/metadata.h"
#include "api/moments.h"
#include "api/recipe.h"
#include "api/roundings.h"
#include "api/words.h"
#include "base/file.h"
#include "export/onnx/export.h"

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

LayerRule make_rule(const halftone::LayerSettings& layer) {
  LayerRule rule{.match = layer.match, .weights = layer.weights, .symmetric = layer.symmetric, .keep_float = layer.keep_float};
  if (layer.activations) rule.activations = activation_bits(*layer.activations);
  if (layer.granularity) rule.per_channel = *layer.granularity == halftone::Granularity::kChannel;
  if (layer.ranges) rule.ranges = range_method(*layer.ranges);
  return rule;
}

Result<QuantizeRequest> make_request(const halftone::QuantizeSettings& settings) {
  QuantizeRequest request;
  HT_ASSIGN(request.target, find_target(settings.target));
  request.layers.weights = settings.weights;
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

// The hash of the data that the recipe names; it costs reading the files once more, but no run.
Result<std::string> data_hash(const Graph& graph, const Recipe& recipe) {
  HT_ASSIGN(const Samples samples, calibration_samples(graph, recipe));
  DataHash hash;
  for (int64_t i = 0; i < samples.size(); ++i) {
    HT_ASSIGN(const std::string one, samples.hash(i));
    HT_TRY(hash.add(one));
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
  if (!recipe.calibration || statistics.skipped > 0) return {};
  HT_ASSIGN(const std::string wanted, data_hash(model.content().graph, recipe));
  if (wanted != statistics.data.hex())
    return input_error("were made from other data than the recipe's [calibration] names; calibrate again, or leave the section out").in(place);
  return {};
}

// The recipe that travels in the model: how its head is to be read is settled here, where its structure is still the float model's.
Result<Recipe> recipe_to_write(const Graph& graph, const Recipe& recipe) {
  Recipe written = recipe;
  if (recipe.task.type != halftone::TaskType::kDetection) return written;
  HT_ASSIGN(const Detector detector, Detector::make(graph, recipe));
  detector.settle(written.task);
  return written;
}

// Whether to look at photos again; who asks for the plain methods gets them.
bool wants_photos(const Recipe& recipe, const QuantizeRequest& request) {
  const LayerChoice& layers = request.layers;
  return recipe.calibration && needs_statistics(request) && layers.ranges == RangeMethod::kMse && layers.per_channel && !request.quantize_head;
}

// Whether factors may be moved between layers: where weights have one scale for all, and photos can tell whether that helps.
bool wants_cross_layer(const Recipe& recipe, const QuantizeRequest& request) {
  const LayerChoice& layers = request.layers;
  return recipe.calibration && needs_statistics(request) && layers.ranges == RangeMethod::kMse && !layers.per_channel && !request.quantize_head;
}

// From a float model to integers, with one look at the statistics or more at the photos.
class Quantizer {
 public:
  // All of it must outlive this.
  Quantizer(const halftone::Model& model, const Recipe& recipe, const Statistics& seen, bool skip_bad, const Context& context)
      : model_(model), graph_(model.content().graph), recipe_(recipe), seen_(seen), skip_bad_(skip_bad), context_(context) {}

  Result<QuantizedGraph> run(QuantizeRequest request, std::optional<halftone::TargetCost>& cost) const {
    if (recipe_.quantize.weights == halftone::kFloat16Weights) return store_as_float16(graph_);
    HT_ASSIGN(QuantizedGraph made, spare(request));
    if (wants_cross_layer(recipe_, request)) return move_factors(request, std::move(made));
    if (!wants_photos(recipe_, request)) return made;
    HT_ASSIGN(cost, target_cost(request, made));
    if (recipe_.quantize.rounding != halftone::Rounding::kGptq) return made;
    request.measure_moments = measure_moments_on_photos(model_, recipe_, skip_bad_, context_);
    return quantize_graph(graph_, seen_, request);
  }

 private:
  // With those nodes in float that are better left so, which the request then names.
  Result<QuantizedGraph> spare(QuantizeRequest& request) const {
    auto made = quantize_graph(graph_, seen_, request);
    if (!made) return made;
    const bool is_coarse = request.layers.activations == 8;  // to 16 bits no input is rounded so that it harms
    if (recipe_.quantize.prefer == halftone::Prefer::kLatency) {
      const auto quantize = [&](const std::vector<FloatNode>& spared) {
        QuantizeRequest other = request;
        other.spared = spared;
        return quantize_graph(graph_, seen_, other);
      };
      HT_ASSIGN(request.spared, find_slower_nodes(graph_, *made, quantize, context_));
    } else if (wants_photos(recipe_, request) && is_coarse && request.target.float_share > 0) {
      const MeasureRoundings measure = measure_on_photos(model_, recipe_, skip_bad_, context_);
      HT_ASSIGN(request.spared, find_spared_nodes(graph_, *made, request.target.float_share, measure));
    }
    return request.spared.empty() ? std::move(made) : quantize_graph(graph_, seen_, request);
  }

  // With factors moved between layers, and biases as well, where the heads are clearly nearer to the float model's.
  Result<QuantizedGraph> move_factors(QuantizeRequest request, QuantizedGraph made) const {
    constexpr double kClearGain = 0.95;
    const std::vector<std::string> heads = head_values(graph_, made);
    if (heads.empty()) return made;
    HT_ASSIGN(const HeadError error, HeadError::make(model_, recipe_, heads, skip_bad_, context_));
    HT_ASSIGN(double least, error.of(made.graph));
    for (const CrossLayer how : {CrossLayer::kFactors, CrossLayer::kFactorsAndBiases}) {
      request.cross_layer = how;
      HT_ASSIGN(QuantizedGraph offer, quantize_graph(graph_, seen_, request));
      HT_ASSIGN(const double found, error.of(offer.graph));
      if (!(found < kClearGain * least)) continue;
      least = found;
      made = std::move(offer);
    }
    return made;
  }

  // Compared with what the same request gives for `native`; none where there is nothing to compare.
  Result<std::optional<halftone::TargetCost>> target_cost(QuantizeRequest request, const QuantizedGraph& made) const {
    constexpr std::string_view kNative = "native";
    const std::vector<std::string> heads = head_values(graph_, made);
    if (request.target.name == kNative || heads.empty() || recipe_.quantize.prefer == halftone::Prefer::kLatency) return std::optional<halftone::TargetCost>();
    HT_ASSIGN(request.target, find_target(kNative));
    request.spared.clear();
    HT_ASSIGN(const QuantizedGraph native, spare(request));
    HT_ASSIGN(const HeadError error, HeadError::make(model_, recipe_, heads, skip_bad_, context_));
    HT_ASSIGN(const double own, error.of(made.graph));
    HT_ASSIGN(const double natively, error.of(native.graph));
    const auto decibels = [](double power) { return -10 * std::log10(std::max(power, 1e-20)); };
    return std::optional(halftone::TargetCost{decibels(own), decibels(natively)});
  }

  const halftone::Model& model_;
  const Graph& graph_;
  const Recipe& recipe_;
  const Statistics& seen_;
  const bool skip_bad_;
  const Context& context_;
};

// The statistics that were given, or made now; none where nothing depends on them.
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

Status check_cancelled(const Context& context) { return context.is_cancelled() ? Status(interrupted()) : Status(); }

}  // namespace
}  // namespace ht

namespace halftone {

Result<QuantizeResult> quantize(const Recipe& recipe, const std::filesystem::path& output, const QuantizeOptions& options, const Context& context) {
  const ht::Stopwatch watch;
  HT_TRY(check_recipe(recipe));
  HT_ASSIGN(const ht::QuantizeRequest request, ht::make_request(recipe.quantize));
  HT_ASSIGN(const Model model, ht::load_float_model(recipe, context));
  HT_ASSIGN(const Recipe written, ht::recipe_to_write(model.content().graph, recipe));
  HT_ASSIGN(const std::optional<Statistics> statistics, ht::statistics_for(model, recipe, request, options, context));
  HT_TRY(ht::check_cancelled(context));
  const ht::Statistics none;
  const ht::Statistics& seen = statistics ? statistics->content().statistics : none;
  context.progress("quantize", 0, 1);
  QuantizeResult result;
  auto made = ht::Quantizer(model, recipe, seen, options.skip_bad, context).run(request, result.target_cost);
  if (!made) return std::move(made.error()).in(recipe.model.path.string());
  context.progress("quantize", 1, 1);
  HT_TRY(ht::check_cancelled(context));

  made->graph.metadata[ht::kRecipeKey] = ht::stored_recipe(written);
  made->graph.metadata[ht::kManifestKey] =
      ht::manifest({model.content().hash, seen.data.hex(), seen.provenance.preprocess, seen.observed, seen.provenance.isa, recipe.quantize.target,
                    made->quantized_nodes, static_cast<int64_t>(made->float_nodes.size())});
  HT_ASSIGN(const std::vector<uint8_t> bytes, ht::export_onnx(made->graph));
  HT_TRY(ht::check_cancelled(context));
  HT_TRY(ht::write_file(output, bytes));
  result.output = output.string();
  result.float_bytes = model.content().file_bytes;
  result.quantized_bytes = static_cast<int64_t>(bytes.size());
  result.quantized_nodes = made->quantized_nodes;
  for (const ht::FloatNode& node : made->float_nodes) result.float_nodes.push_back({node.name, node.op, node.reason});
  result.notes = made->notes;
  if (result.target_cost)
    result.notes.push_back(fmt::format("what the target can do costs {:.1f} dB: its heads have {:.1f} dB over the noise of rounding on a few photos, "
                                       "those of a file for native {:.1f} dB",
                                       result.target_cost->native_snr_db - result.target_cost->snr_db, result.target_cost->snr_db,
                                       result.target_cost->native_snr_db));
  if (recipe.task.head.empty() && !written.task.head.empty())
    result.notes.push_back(fmt::format("the head is \"{}\", found by the model's structure", written.task.head));
  if (const auto overlap = ht::suppression_left_out(model.content().graph))
    result.notes.push_back(fmt::format("the model's NonMaxSuppression is left out: the outputs hold all boxes, and the head suppresses with "
                                       "nms_threshold {} (the model's own was {:.3g})",
                                       written.task.nms_threshold, *overlap));
  result.seconds = watch.seconds();
  result.peak_rss_bytes = ht::peak_rss_bytes();
  return result;
}

}  // namespace halftone
