// SPDX-License-Identifier: Apache-2.0
#include "api/quantize.h"

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

namespace ht {
namespace {

using halftone::Recipe;

// What the settings ask for, with one look at the statistics or more at the photos.
Result<QuantizedGraph> quantized(const halftone::Model& model, const Recipe& recipe, QuantizeRequest request, const Statistics& seen,
                                 const PhotoLooks& photos, const Context& context) {
  const Graph& graph = model.content().graph;
  if (recipe.quantize.weights == halftone::kFloat16Weights) return store_as_float16(graph);
  auto made = quantize_graph(graph, seen, request);
  if (!made) return made;
  if (recipe.quantize.prefer == halftone::Prefer::kLatency) {
    const auto quantize = [&](const std::vector<FloatNode>& spared) {
      QuantizeRequest other = request;
      other.spared = spared;
      return quantize_graph(graph, seen, other);
    };
    HT_ASSIGN(request.spared, find_slower_nodes(graph, *made, quantize, context));
  } else if (spares_layers(recipe, request) && photos.trials) {
    HT_ASSIGN(request.spared, find_spared_nodes(graph, *made, request.target.float_share, photos.trials));
  }
  if (looks_at_photos(recipe, request) && request.refine.rounding != WeightRounding::kNearest) request.measure_moments = photos.moments;
  if (request.spared.empty() && !request.measure_moments) return made;
  return quantize_graph(graph, seen, request);
}

Status check_cancelled(const Context& context) { return context.is_cancelled() ? Status(interrupted()) : Status(); }

}  // namespace

PhotoLooks looks_on_photos(const halftone::Model& model, const Recipe& recipe, bool skip_bad, const Context& context) {
  return {measure_on_photos(model, recipe, skip_bad, context), measure_moments_on_photos(model, recipe, skip_bad, context)};
}

Result<Recipe> settled_recipe(const Graph& graph, const Recipe& recipe) {
  Recipe settled = recipe;
  if (recipe.task.type != halftone::TaskType::kDetection) return settled;
  HT_ASSIGN(const Detector detector, Detector::make(graph, recipe));
  detector.settle(settled.task);
  return settled;
}

Result<QuantizedGraph> quantize_model(const halftone::Model& model, const Recipe& recipe, const Statistics& seen, const PhotoLooks& photos,
                                      const Context& context) {
  HT_ASSIGN(const QuantizeRequest request, make_request(recipe.quantize, context));
  auto made = quantized(model, recipe, request, seen, photos, context);
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
  HT_ASSIGN(const ht::QuantizeRequest request, ht::make_request(recipe.quantize, context));
  HT_ASSIGN(const Model model, ht::load_float_model(recipe, context));
  HT_ASSIGN(const Recipe written, ht::settled_recipe(model.content().graph, recipe));
  HT_ASSIGN(const std::optional<Statistics> statistics, ht::statistics_for(model, recipe, request, options, context));
  HT_TRY(ht::check_cancelled(context));
  const ht::Statistics none;
  const ht::Statistics& seen = statistics ? statistics->content().statistics : none;
  context.progress("quantize", 0, 1);
  const ht::PhotoLooks photos = ht::looks_on_photos(model, written, options.skip_bad, context);
  HT_ASSIGN(const ht::QuantizedGraph made, ht::quantize_model(model, written, seen, photos, context));
  context.progress("quantize", 1, 1);
  HT_TRY(ht::check_cancelled(context));

  QuantizeResult result;
  HT_ASSIGN(const std::vector<uint8_t> bytes, ht::export_onnx(made.graph));
  HT_TRY(ht::check_cancelled(context));
  HT_TRY(ht::write_file(output, bytes));
  result.output = output.string();
  result.float_bytes = model.content().file_bytes;
  result.quantized_bytes = static_cast<int64_t>(bytes.size());
  result.quantized_nodes = made.quantized_nodes;
  for (const ht::FloatNode& node : made.float_nodes) result.float_nodes.push_back({node.name, node.op, node.reason});
  result.notes = made.notes;
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
