// SPDX-License-Identifier: Apache-2.0
#include "api/quantize.h"

#include <cmath>

#include "api/calibrate.h"
#include "api/content.h"
#include "api/detector.h"
#include "api/latency.h"
#include "api/measure.h"
#include "api/metadata.h"
#include "api/moments.h"
#include "api/recipe.h"
#include "api/request.h"
#include "api/words.h"
#include "base/file.h"
#include "export/onnx/export.h"
#include "quantize/float16.h"
#include "quantize/spare.h"
#include "quantize/unclipped.h"
#include "quantize/wide.h"

namespace ht {
namespace {

using halftone::Recipe;

// From a float model to integers, with one look at the statistics or more at the photos.
class Quantizer {
 public:
  // All of it must outlive this.
  Quantizer(const halftone::Model& model, const Recipe& recipe, const Statistics& seen, const PhotoLooks& photos, const Context& context)
      : graph_(model.content().graph), recipe_(recipe), seen_(seen), photos_(photos), context_(context) {}

  Result<QuantizedGraph> run(QuantizeRequest request, std::optional<halftone::TargetCost>* cost) const {
    if (recipe_.quantize.weights == halftone::kFloat16Weights) return store_as_float16(graph_, recipe_.quantize.keep_float);
    HT_TRY(refine_ranges(request));
    HT_ASSIGN(QuantizedGraph made, spare(request));
    if (may_move_factors(recipe_, request) && photos_.heads) return move_factors(request, std::move(made));
    if (!looks_at_photos(recipe_, request)) return made;
    if (cost && photos_.heads) {
      HT_ASSIGN(*cost, target_cost(request, made));
    }
    if (widens_products(recipe_, request) && photos_.trials) {
      HT_ASSIGN(request.wide.products, find_wide_products(graph_, seen_, request, photos_.trials));
    }
    if (request.refine.rounding == WeightRounding::kNearest || !photos_.moments) return request.wide.products ? quantize_graph(graph_, seen_, request) : made;
    request.measure_moments = photos_.moments;
    return quantize_graph(graph_, seen_, request);
  }

 private:
  // With those values unclipped that photos speak for, if they are looked at.
  Status refine_ranges(QuantizeRequest& request) const {
    if (!refines_ranges(recipe_, request) || !photos_.trials) return {};
    HT_ASSIGN(const QuantizedGraph made, quantize_graph(graph_, seen_, request));
    HT_ASSIGN(request.unclipped, find_unclipped_values(graph_, seen_, request, made, photos_.trials));
    return {};
  }

  // With those nodes in float that are better left so, which the request then names.
  Result<QuantizedGraph> spare(QuantizeRequest& request) const {
    auto made = quantize_graph(graph_, seen_, request);
    if (!made) return made;
    if (recipe_.quantize.prefer == halftone::Prefer::kLatency) {
      const auto quantize = [&](const std::vector<FloatNode>& spared) {
        QuantizeRequest other = request;
        other.spared = spared;
        return quantize_graph(graph_, seen_, other);
      };
      HT_ASSIGN(request.spared, find_slower_nodes(graph_, *made, quantize, context_));
    } else if (spares_layers(recipe_, request) && photos_.trials) {
      HT_ASSIGN(request.spared, find_spared_nodes(graph_, *made, request.target.float_share, photos_.trials));
    }
    if (request.spared.empty()) return made;
    HT_ASSIGN(QuantizedGraph spared, quantize_graph(graph_, seen_, request));
    if (recipe_.quantize.prefer == halftone::Prefer::kLatency || !photos_.heads) return spared;
    // They were found one by one, and what a target evens out depends on all of them.
    std::vector<QuantizedGraph> offers;
    offers.push_back(*std::move(made));
    offers.push_back(std::move(spared));
    HT_ASSIGN(const size_t best, nearest_heads(offers, 1));
    if (best == 0) request.spared.clear();
    return std::move(offers[best]);
  }

  // The one whose heads are nearest to the float model's, the first where none can be compared. A later one must make this share of the error, or less.
  Result<size_t> nearest_heads(const std::vector<QuantizedGraph>& offers, double clear_gain) const {
    std::vector<const Graph*> graphs;
    for (const QuantizedGraph& offer : offers) graphs.push_back(&offer.graph);
    HT_ASSIGN(const std::vector<double> errors, photos_.heads(graphs));
    size_t best = 0;
    for (size_t i = 1; i < errors.size(); ++i)
      if (errors[i] < clear_gain * errors[best]) best = i;
    return best;
  }

  // With factors moved between layers, and biases as well, where the heads are clearly nearer to the float model's.
  Result<QuantizedGraph> move_factors(QuantizeRequest request, QuantizedGraph made) const {
    constexpr double kClearGain = 0.95;
    std::vector<QuantizedGraph> offers;
    offers.push_back(std::move(made));
    for (const CrossLayer how : {CrossLayer::kFactors, CrossLayer::kFactorsAndBiases}) {
      request.cross_layer = how;
      HT_ASSIGN(offers.emplace_back(), quantize_graph(graph_, seen_, request));
    }
    HT_ASSIGN(const size_t best, nearest_heads(offers, kClearGain));
    return std::move(offers[best]);
  }

  // Compared with what the same request gives for `native`; none where there is nothing to compare.
  Result<std::optional<halftone::TargetCost>> target_cost(QuantizeRequest request, const QuantizedGraph& made) const {
    constexpr std::string_view kNative = "native";
    if (request.target.name == kNative || recipe_.quantize.prefer == halftone::Prefer::kLatency) return std::optional<halftone::TargetCost>();
    HT_ASSIGN(request.target, find_target(kNative));
    request.spared.clear();
    request.unclipped.clear();
    HT_TRY(refine_ranges(request));
    HT_ASSIGN(const QuantizedGraph native, spare(request));
    const std::vector<const Graph*> graphs = {&made.graph, &native.graph};
    HT_ASSIGN(const std::vector<double> errors, photos_.heads(graphs));
    if (errors.empty()) return std::optional<halftone::TargetCost>();
    const auto decibels = [](double power) { return -10 * std::log10(std::max(power, 1e-20)); };
    return std::optional(halftone::TargetCost{decibels(errors[0]), decibels(errors[1])});
  }

  const Graph& graph_;
  const Recipe& recipe_;
  const Statistics& seen_;
  const PhotoLooks& photos_;
  const Context& context_;
};

std::string in_words(const halftone::TargetCost& cost) {
  const double lost = cost.native_snr_db - cost.snr_db;
  return fmt::format("what the target can do costs {}: its heads have {:.1f} dB over the noise of rounding on a few photos, those of a file for native {:.1f} dB",
                     lost > 0 ? fmt::format("{:.1f} dB", lost) : "nothing", cost.snr_db, cost.native_snr_db);
}

Status check_cancelled(const Context& context) { return context.is_cancelled() ? Status(interrupted()) : Status(); }

}  // namespace

PhotoLooks looks_on_photos(const halftone::Model& model, const Recipe& recipe, bool skip_bad, const Context& context) {
  return {measure_on_photos(model, recipe, skip_bad, context), measure_moments_on_photos(model, recipe, skip_bad, context),
          measure_heads_on_photos(model, recipe, skip_bad, context)};
}

Result<Recipe> settled_recipe(const Graph& graph, const Recipe& recipe) {
  Recipe settled = recipe;
  if (recipe.task.type != halftone::TaskType::kDetection) return settled;
  HT_ASSIGN(const Detector detector, Detector::make(graph, recipe));
  detector.settle(settled.task);
  return settled;
}

Result<QuantizedGraph> quantize_model(const halftone::Model& model, const Recipe& recipe, const Statistics& seen, const PhotoLooks& photos,
                                      const Context& context, std::optional<halftone::TargetCost>* cost) {
  HT_ASSIGN(const QuantizeRequest request, make_request(recipe.quantize, context));
  auto made = Quantizer(model, recipe, seen, photos, context).run(request, cost);
  if (!made) return std::move(made.error()).in(recipe.model.path.string());
  made->graph.metadata[kRecipeKey] = stored_recipe(recipe);
  made->graph.metadata[kManifestKey] =
      manifest({model.content().hash, seen.data.hex(), seen.provenance.preprocess, seen.observed, seen.provenance.isa, recipe.quantize.target,
                made->quantized_nodes, static_cast<int64_t>(made->float_nodes.size())});
  return made;
}

}  // namespace ht

namespace halftone {

Result<QuantizeResult> quantize(const Recipe& recipe, const std::filesystem::path& output, const QuantizeOptions& options, const Context& context) {
  const ht::Stopwatch watch;
  HT_TRY(check_recipe(recipe));
  HT_TRY(ht::check_writable(output));
  HT_ASSIGN(const ht::QuantizeRequest request, ht::make_request(recipe.quantize, context));
  HT_ASSIGN(const Model model, ht::load_float_model(recipe, context));
  HT_ASSIGN(const Recipe written, ht::settled_recipe(model.content().graph, recipe));
  HT_ASSIGN(const std::optional<Statistics> statistics, ht::statistics_for(model, recipe, request, options, context));
  HT_TRY(ht::check_cancelled(context));
  const ht::Statistics none;
  const ht::Statistics& seen = statistics ? statistics->content().statistics : none;
  context.progress("quantize", 0, 1);
  const ht::PhotoLooks photos = ht::looks_on_photos(model, written, options.skip_bad, context);
  QuantizeResult result;
  HT_ASSIGN(const ht::QuantizedGraph made, ht::quantize_model(model, written, seen, photos, context, &result.target_cost));
  if (ht::looks_at_photos(written, request) || ht::may_move_factors(written, request)) {
    auto status = ht::check_outputs_on_photos(model, made.graph, written, options.skip_bad, context);
    if (!status) return std::move(status.error()).in(recipe.model.path.string());
  }
  context.progress("quantize", 1, 1);
  HT_TRY(ht::check_cancelled(context));

  HT_ASSIGN(const std::vector<uint8_t> bytes, ht::export_onnx(made.graph));
  HT_TRY(ht::check_cancelled(context));
  HT_TRY(ht::write_file(output, bytes));
  result.output = output.string();
  result.float_bytes = model.content().file_bytes;
  result.quantized_bytes = static_cast<int64_t>(bytes.size());
  result.quantized_nodes = made.quantized_nodes;
  for (const ht::FloatNode& node : made.float_nodes) result.float_nodes.push_back({node.name, node.op, node.reason});
  result.notes = made.notes;
  if (result.target_cost) result.notes.push_back(ht::in_words(*result.target_cost));
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
