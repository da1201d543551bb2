// SPDX-License-Identifier: Apache-2.0
#include "api/sensitivity.h"

#include <algorithm>

#include "api/calibrate.h"
#include "api/content.h"
#include "api/metadata.h"
#include "api/moments.h"
#include "api/request.h"

namespace ht {
namespace {

std::string origin_of(const halftone::Model& model, const halftone::Recipe& recipe, const Network& network) {
  const Graph& graph = model.content().graph;
  std::string origin = fmt::format("{} {} {}", model.content().hash, preprocess_hash(recipe.preprocess), network.isa());
  for (ValueId input : graph.inputs) origin += " " + shape_text(graph.value(input).type.shape);
  return origin;
}

std::vector<std::string> output_names(const Graph& graph) {
  std::vector<std::string> names;
  for (ValueId output : graph.outputs) names.push_back(graph.value(output).name);
  return names;
}

Result<QuantizedVariant> make_variant(const Graph& graph, const Statistics& statistics, const QuantizeRequest& request) {
  QuantizedVariant variant;
  HT_ASSIGN(variant.quantized, quantize_graph(graph, statistics, request));
  variant.layers = integer_layers(graph, variant.quantized);
  return variant;
}

}  // namespace

const IntegerLayer* QuantizedVariant::find(const std::string& node) const {
  const auto found = std::ranges::find(layers, node, &IntegerLayer::node);
  return found == layers.end() ? nullptr : &*found;
}

void QuantizedVariant::take_weights(const QuantizedVariant& rounded, const QuantizedVariant& plain) {
  for (IntegerLayer& layer : layers) {
    const IntegerLayer *from = rounded.find(layer.node), *like = plain.find(layer.node);
    if (from && like && layer.constants == like->constants) layer.constants = from->constants;
  }
}

Trial QuantizedVariant::trial() const { return whole_trial(layers); }

Sensitivity::Sensitivity(const halftone::Model& model, const Statistics& statistics, const Options& options, const Context& context)
    : model_(model), statistics_(statistics), context_(context), store_(options.folder, context) {}

Result<std::unique_ptr<Sensitivity>> Sensitivity::open(const halftone::Model& model, const halftone::Recipe& recipe, const Statistics& statistics,
                                                       const Options& options, const Context& context) {
  const Graph& graph = model.content().graph;
  std::unique_ptr<Sensitivity> made(new Sensitivity(model, statistics, options, context));
  HT_ASSIGN(made->request_, make_request(recipe.quantize, context));
  if (looks_at_photos(recipe, made->request_) && made->request_.refine.rounding != WeightRounding::kNearest)
    made->measure_moments_ = measure_moments_on_photos(model, recipe, options.skip_bad, context);
  made->heads_ = made->request_.quantize_head ? output_names(graph) : head_values(graph);

  HT_ASSIGN(const Samples samples, all_calibration_samples(graph, recipe));
  const int64_t seen = std::min(samples.size(), recipe.calibration->count);
  made->samples_ = samples.size();
  made->held_out_ = seen < samples.size();
  const int64_t first = made->held_out_ ? seen : 0;
  HT_ASSIGN(made->photos_, read_trial_photos(samples, first, samples.size(), options.photos, options.skip_bad));
  if (made->photos_.empty()) return input_error("none of the photos to measure on can be read").in(recipe.calibration->images);
  HT_ASSIGN(const auto network, Network::make(graph, false, context.isa, 1));
  made->origin_ = origin_of(model, recipe, *network);
  made->bench_ = std::make_unique<TrialBench>(graph, network, made->origin_, made->photos_, &made->store_, context);
  return made;
}

Result<QuantizedVariant> Sensitivity::quantize_plainly(const QuantizeRequest& request, const Statistics& statistics) const {
  return make_variant(model_.content().graph, statistics, request);
}

Result<QuantizedVariant> Sensitivity::quantize(const QuantizeRequest& request) const {
  QuantizeRequest rounded = request;
  rounded.measure_moments = measure_moments_;
  return make_variant(model_.content().graph, statistics_, rounded);
}

Result<std::vector<double>> Sensitivity::errors(std::span<const Trial> trials, std::string_view stage) { return bench_->measure(trials, heads_, stage); }

}  // namespace ht
