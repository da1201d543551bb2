// SPDX-License-Identifier: Apache-2.0
#include "quantize/quantize.h"

#include "api/calibrate.h"
#include "api/content.h"
#include "api/detector.h"
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
  }
  return RangeMethod::kMse;
}

Result<QuantizeRequest> make_request(const halftone::QuantizeSettings& settings) {
  QuantizeRequest request;
  HT_ASSIGN(request.target, find_target(settings.target));
  request.ranges = range_method(settings.ranges);
  request.per_channel = settings.granularity == halftone::Granularity::kChannel;
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
  return recipe.calibration && request.ranges == RangeMethod::kMse && request.per_channel && !request.quantize_head;
}

Status check_cancelled(const Context& context) { return context.is_cancelled() ? Status(interrupted()) : Status(); }

}  // namespace
}  // namespace ht

namespace halftone {

Result<QuantizeResult> quantize(const Recipe& recipe, const std::filesystem::path& output, const QuantizeOptions& options, const Context& context) {
  const ht::Stopwatch watch;
  HT_TRY(check_recipe(recipe));
  HT_ASSIGN(ht::QuantizeRequest request, ht::make_request(recipe.quantize));
  HT_ASSIGN(const Model model, ht::load_float_model(recipe, context));
  HT_ASSIGN(const Recipe written, ht::recipe_to_write(model.content().graph, recipe));
  std::optional<Statistics> statistics = options.statistics;
  if (statistics) {
    HT_TRY(ht::check_statistics(*statistics, model, recipe));
  } else {
    HT_ASSIGN(statistics, ht::calibrate_model(model, recipe, {.skip_bad = options.skip_bad}, context));
  }
  HT_TRY(ht::check_cancelled(context));
  const ht::Statistics& seen = statistics->content().statistics;
  context.progress("quantize", 0, 1);
  auto made = ht::quantize_graph(model.content().graph, seen, request);
  if (made && ht::wants_photos(recipe, request)) {
    if (request.target.float_share > 0 && recipe.quantize.prefer == Prefer::kAccuracy) {
      const ht::MeasureRoundings measure = ht::measure_on_photos(model, recipe, options.skip_bad, context);
      HT_ASSIGN(request.spared, ht::find_spared_nodes(model.content().graph, *made, request.target.float_share, measure));
    }
    if (recipe.quantize.rounding == Rounding::kGptq) request.measure_moments = ht::measure_moments_on_photos(model, recipe, options.skip_bad, context);
    if (!request.spared.empty() || request.measure_moments) made = ht::quantize_graph(model.content().graph, seen, request);
  }
  if (!made) return std::move(made.error()).in(recipe.model.path.string());
  context.progress("quantize", 1, 1);
  HT_TRY(ht::check_cancelled(context));

  QuantizeResult result;
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
