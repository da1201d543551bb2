// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "api/analyze_values.h"
#include "api/calibrate.h"
#include "api/content.h"
#include "api/layer_metrics.h"
#include "api/remedies.h"
#include "api/request.h"
#include "api/sensitivity.h"
#include "halftone/operations.h"
#include "quantize/roles.h"
#include "quantize/spare.h"
#include "quantize/unclipped.h"
#include "quantize/wide.h"

namespace ht {
namespace {

using halftone::AnalyzeResult;
using halftone::LayerHarm;
using halftone::Recipe;

// Of how many layers remedies are tried.
constexpr size_t kWorst = 4;

std::optional<double> weight_spread(const Graph& graph, const Node& node) {
  if (node.inputs.size() < 2 || !graph.is_constant(node.inputs[1])) return std::nullopt;
  const Tensor& weights = *graph.value(node.inputs[1]).constant;
  if (!std::holds_alternative<Conv>(node.op) || weights.dtype() != DType::kFloat32) return std::nullopt;
  const auto outputs = static_cast<size_t>(weights.shape()[0]);
  std::vector<double> magnitudes(outputs);
  const auto data = weights.data<float>();
  for (size_t i = 0; i < data.size(); ++i) {
    double& magnitude = magnitudes[i / (data.size() / outputs)];
    magnitude = std::max(magnitude, std::abs(static_cast<double>(data[i])));
  }
  return spread_of(magnitudes);
}

// The values that a node reads itself come first, then those that are moved there.
std::vector<std::string> values_of(const Graph& graph, const Node& node, const IntegerLayer& layer) {
  std::vector<std::string> values;
  for (ValueId input : node.inputs)
    if (input.valid() && layer.grids.contains(graph.value(input).name)) values.push_back(graph.value(input).name);
  for (const auto& [value, type] : layer.grids)
    if (std::ranges::find(values, value) == values.end()) values.push_back(value);
  return values;
}

LayerHarm describe(const Graph& graph, const Node& node, const IntegerLayer& layer, const QuantizedGraph& quantized) {
  LayerHarm harm;
  harm.name = node.name;
  harm.op = op_name(node.op);
  harm.values = values_of(graph, node, layer);
  if (!harm.values.empty()) harm.input_bits = 8 * dtype_size(layer.grids.at(harm.values.front()).dtype);
  const auto counterpart = std::ranges::find(quantized.graph.nodes, node.name, &Node::name);
  if (is_weighted(graph, node)) {
    const TensorType& weights = quantized.graph.value(counterpart->inputs[1]).type;
    if (weights.is_quantized()) harm.weight_bits = weights.dtype == DType::kInt4 ? 4 : 8;
    harm.weight_spread = weight_spread(graph, node);
  }
  return harm;
}

// The error of each layer alone, and of each of its two parts.
Status measure_layers(Sensitivity& sensitivity, const QuantizedVariant& variant, std::vector<LayerHarm>& harms) {
  std::vector<Trial> trials;
  for (const IntegerLayer& layer : variant.layers) {
    trials.push_back({{&layer}});
    if (layer.grids.empty() || layer.constants.empty()) continue;
    trials.push_back({{&layer, true, false}});
    trials.push_back({{&layer, false, true}});
  }
  HT_ASSIGN(const std::vector<double> errors, sensitivity.errors(trials));
  auto next = errors.begin();
  for (size_t i = 0; i < harms.size(); ++i) {
    const IntegerLayer& layer = variant.layers[i];
    harms[i].error = *next++;
    const bool has_both = !layer.grids.empty() && !layer.constants.empty();
    if (!layer.constants.empty()) harms[i].weights_error = has_both ? *next++ : harms[i].error;
    if (!layer.grids.empty()) harms[i].inputs_error = has_both ? *next++ : harms[i].error;
  }
  return {};
}

// What quantize leaves in float for the sake of accuracy, and whose weights it leaves 8 bits.
Status find_exceptions(const halftone::Model& model, const Recipe& recipe, const Statistics& statistics, const QuantizedVariant& variant, bool skip_bad,
                       const Context& context, QuantizeRequest& request, AnalyzeResult& result) {
  if (recipe.quantize.prefer == halftone::Prefer::kLatency) {
    result.notes.push_back("prefer = \"latency\" leaves layers in float by how long they take; here all count as integers");
    return {};
  }
  const Graph& graph = model.content().graph;
  const MeasureTrials measure = measure_on_photos(model, recipe, skip_bad, context);
  if (spares_layers(recipe, request)) {
    HT_ASSIGN(request.spared, find_spared_nodes(graph, variant.quantized, request.target.float_share, measure));
  }
  if (widens_products(recipe, request)) {
    HT_ASSIGN(request.wide.products, find_wide_products(graph, statistics, request, measure));
  }
  return {};
}

std::string where_measured(const Sensitivity& sensitivity) {
  return fmt::format("measured on {} {} of [calibration]", sensitivity.photos().size(),
                     sensitivity.held_out() ? "photos behind the 'count'" : "of the photos that ranges come from, as there are none behind the 'count'");
}

std::vector<LayerHarm> worst_of(const AnalyzeResult& result) {
  std::vector<LayerHarm> worst;
  for (const LayerHarm& layer : result.layers)
    if (layer.spared.empty() && layer.error > 0 && worst.size() < kWorst) worst.push_back(layer);
  return worst;
}

std::filesystem::path folder_of(const halftone::AnalyzeOptions& options) {
  if (options.folder) return *options.folder;
  const std::filesystem::path cache = cache_folder();
  return cache.empty() ? cache : cache / "measurements";
}

Result<AnalyzeResult> analyze(const halftone::Model& model, const Recipe& recipe, const Statistics& statistics, const halftone::AnalyzeOptions& options,
                              const Context& context) {
  const Graph& graph = model.content().graph;
  HT_ASSIGN(const auto sensitivity, Sensitivity::open(model, recipe, statistics, {folder_of(options), options.photos, options.skip_bad}, context));
  context.progress("quantize", 0, 1);
  QuantizeRequest request = sensitivity->request();
  HT_ASSIGN(QuantizedVariant plain, sensitivity->quantize_plainly(request));
  if (refines_ranges(recipe, request)) {
    const MeasureTrials measure = measure_on_photos(model, recipe, options.skip_bad, context);
    HT_ASSIGN(request.unclipped, find_unclipped_values(graph, statistics, request, plain.quantized, measure));
    HT_ASSIGN(plain, sensitivity->quantize_plainly(request));
  }
  context.progress("quantize", 1, 1);
  if (plain.layers.empty()) return usage_error("no layer of the model computes in integers under this recipe, so there is nothing to analyze");
  AnalyzeResult result;
  result.photos = static_cast<int64_t>(sensitivity->photos().size());
  result.held_out = sensitivity->held_out();
  result.heads = sensitivity->heads();
  result.notes.push_back(where_measured(*sensitivity));
  HT_TRY(find_exceptions(model, recipe, statistics, plain, options.skip_bad, context, request, result));
  if (request.wide.products) {
    QuantizeRequest in_integers = request;
    in_integers.spared.clear();
    HT_ASSIGN(plain, sensitivity->quantize_plainly(in_integers));
  }
  for (const IntegerLayer& layer : plain.layers) {
    const auto node = std::ranges::find(graph.nodes, layer.node, &Node::name);
    result.layers.push_back(describe(graph, *node, layer, plain.quantized));
    const auto spared = std::ranges::find(request.spared, layer.node, &FloatNode::name);
    if (spared != request.spared.end()) result.layers.back().spared = spared->reason;
  }
  HT_ASSIGN(result.values, analyze_values(graph, plain, statistics, sensitivity->photos(), context));
  HT_ASSIGN(const QuantizedVariant whole, sensitivity->quantize(request));
  QuantizedVariant variant = plain;
  variant.take_weights(whole, plain);
  HT_TRY(measure_layers(*sensitivity, variant, result.layers));
  const Trial together = whole.trial();
  HT_ASSIGN(const std::vector<double> error, sensitivity->errors({&together, 1}, "network"));
  result.error = error.front();
  if (options.metric) HT_TRY(measure_metric(model, recipe, variant, whole, options.limit, *sensitivity, context, result));
  std::ranges::stable_sort(result.layers, std::greater(), &LayerHarm::error);
  Recipe all = recipe;
  all.calibration->count = sensitivity->samples();
  const auto calibrate_on_all = [&] { return calibrate_model(model, all, {.skip_bad = options.skip_bad}, context); };
  HT_ASSIGN(result.remedies, try_remedies(*sensitivity, {request, plain, whole, result.error}, worst_of(result), result.values, calibrate_on_all));
  const Measurements& store = sensitivity->store();
  if (!folder_of(options).empty())
    context.note(fmt::format("{} measured now, {} found in {}", store.measured(), store.found(), folder_of(options).string()));
  return result;
}

}  // namespace
}  // namespace ht

namespace halftone {

Result<AnalyzeResult> analyze(const Recipe& recipe, const AnalyzeOptions& options, const Context& context) {
  HT_TRY(check_recipe(recipe));
  if (recipe.quantize.weights == kFloat16Weights) return ht::usage_error("weights = \"float16\" computes nothing in integers, so there is nothing to analyze");
  HT_ASSIGN(const ht::QuantizeRequest request, ht::make_request(recipe.quantize, context));
  HT_ASSIGN(const Model model, ht::load_float_model(recipe, context));
  HT_ASSIGN(const std::optional<Statistics> statistics,
            ht::statistics_for(model, recipe, request, {.statistics = options.statistics, .skip_bad = options.skip_bad}, context));
  const ht::Statistics none;
  auto result = ht::analyze(model, recipe, statistics ? statistics->content().statistics : none, options, context);
  if (!result) return std::move(result.error()).in(recipe.model.path.string());
  return result;
}

}  // namespace halftone
