// SPDX-License-Identifier: Apache-2.0
#include "api/layer_metrics.h"

#include "api/content.h"
#include "api/recipe.h"
#include "api/validation.h"
#include "base/file.h"

namespace ht {
namespace {

// Validates trials of one model, each once.
class Meter {
 public:
  Meter(const halftone::Model& model, const halftone::Recipe& recipe, std::optional<int64_t> limit, Measurements& store, const Context& context)
      : model_(model), recipe_(recipe), store_(store), context_(context), quiet_(context) {
    quiet_.on_progress = {};
    options_.limit = limit;
  }

  // The float network's; tells what the others' depend on.
  Result<double> start(const std::string& origin, halftone::AnalyzeResult& result) {
    const Graph& graph = model_.content().graph;
    HT_ASSIGN(base_, Network::make(graph, false, context_.isa, 1));
    HT_ASSIGN(const Validation validation, validate_subjects({Subject{model_, base_}, std::nullopt}, recipe_, options_, context_));
    halftone::Recipe meaning;
    meaning.task = recipe_.task;
    origin_ = fmt::format("metric {} {} {}", origin, validation.data_hash, sha256(stored_recipe(meaning)));
    result.metric = recipe_.task.type == halftone::TaskType::kDetection ? "AP" : "top 1";
    result.metric_images = validation.result.images;
    return figure_of(*validation.result.float_model);
  }

  Result<double> measure(const Trial& trial) {
    const std::string key = fmt::format("{} {}", origin_, trial_hash(trial));
    if (const auto kept = store_.get(key, 1)) return kept->front();
    HT_ASSIGN(auto network, trial_network(model_.content().graph, base_, trial, context_.isa));
    HT_ASSIGN(const Validation validation, validate_subjects({Subject{model_, std::move(network)}, std::nullopt}, recipe_, options_, quiet_));
    const double figure = figure_of(*validation.result.float_model);
    store_.put(key, {&figure, 1});
    return figure;
  }

 private:
  const halftone::Model& model_;
  const halftone::Recipe& recipe_;
  Measurements& store_;
  const Context& context_;
  Context quiet_;
  halftone::ValidateOptions options_;
  std::shared_ptr<const Network> base_;
  std::string origin_;
};

}  // namespace

Status measure_metric(const halftone::Model& model, const halftone::Recipe& recipe, const QuantizedVariant& variant, const QuantizedVariant& whole,
                      std::optional<int64_t> limit, Sensitivity& sensitivity, const Context& context, halftone::AnalyzeResult& result) {
  if (recipe.task.type == halftone::TaskType::kNone) return usage_error("a metric needs a [task] of type detection or classification");
  Meter meter(model, recipe, limit, sensitivity.store(), context);
  HT_ASSIGN(const double real, meter.start(sensitivity.origin(), result));
  HT_ASSIGN(const double all, meter.measure(whole.trial()));
  result.float_metric = real;
  result.quantized_metric = all;
  const auto total = static_cast<int64_t>(2 * variant.layers.size());
  int64_t done = 0;
  for (size_t i = 0; i < variant.layers.size(); ++i) {
    halftone::LayerHarm& harm = result.layers[i];
    HT_ASSIGN(const double alone, meter.measure({{&variant.layers[i]}}));
    harm.drop_alone = kPoints * (real - alone);
    context.progress("metric", ++done, total);
    Trial others = whole.trial();
    if (std::erase_if(others, [&](const Part& part) { return part.layer->node == harm.name; }) > 0) {
      HT_ASSIGN(const double without, meter.measure(others));
      harm.gain_in_float = kPoints * (without - all);
    }
    context.progress("metric", ++done, total);
  }
  sensitivity.store().note_failures();
  return {};
}

}  // namespace ht
