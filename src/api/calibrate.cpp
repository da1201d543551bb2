// SPDX-License-Identifier: Apache-2.0
#include "api/calibrate.h"

#include <map>

#include "api/content.h"
#include "api/metadata.h"
#include "calibrate/calibrate.h"
#include "quantize/quantize.h"

namespace ht {
namespace {

// Shows each float value of a run to the observer, by its place in the list of observed values.
class Watch {
 public:
  Watch(const Graph& graph, std::span<const ObservedValue> values) {
    std::map<std::string_view, size_t> places;
    for (size_t i = 0; i < values.size(); ++i) places.emplace(values[i].name, i);
    for (size_t v = 0; v < graph.values.size(); ++v) {
      if (const auto found = places.find(graph.values[v].name); found != places.end()) by_value_.emplace(ValueId(v), found->second);
    }
  }

  void show(const Buffer& buffer, std::span<const uint8_t> bytes, Observer& observer) const {
    const auto found = by_value_.find(buffer.value);
    if (found == by_value_.end() || buffer.dtype != DType::kFloat32) return;
    const std::span<const float> data(reinterpret_cast<const float*>(bytes.data()), bytes.size() / sizeof(float));
    if (buffer.layout == Layout::kChannelsLast) return observer.observe(found->second, data);
    int64_t inner = 1;
    for (size_t axis = 2; axis < buffer.shape.size(); ++axis) inner *= buffer.shape[axis];
    observer.observe_plain(found->second, data, inner);
  }

 private:
  std::map<ValueId, size_t> by_value_;
};

}  // namespace

Result<Samples> all_calibration_samples(const Graph& graph, const halftone::Recipe& recipe) {
  if (!recipe.calibration) return usage_error("the recipe has no [calibration]; give it 'images', photos as the model will see them in use");
  return Samples::open(graph, recipe.preprocess, recipe.calibration->images, recipe.calibration->arrays);
}

Result<Samples> calibration_samples(const Graph& graph, const halftone::Recipe& recipe) {
  auto samples = all_calibration_samples(graph, recipe);
  if (samples) samples->keep_first(recipe.calibration->count);
  return samples;
}

Result<halftone::Model> load_float_model(const halftone::Recipe& recipe, const Context& context) {
  halftone::LoadOptions options;
  options.input_shape = recipe.model.input_shape;
  HT_ASSIGN(halftone::Model model, halftone::Model::load(recipe.model.path, options, context));
  if (model.is_quantized())
    return input_error("is quantized already; give the float model as 'path' in [model]").in(recipe.model.path.string());
  return model;
}

Result<halftone::Statistics> calibrate_model(const halftone::Model& model, const halftone::Recipe& recipe,
                                             const halftone::CalibrateOptions& options, const Context& context) {
  if (options.shards < 1 || options.shard < 1 || options.shard > options.shards)
    return usage_error("shard {} of {} does not exist", options.shard, options.shards);
  const Graph& graph = model.content().graph;
  HT_ASSIGN(const Samples samples, calibration_samples(graph, recipe));
  HT_ASSIGN(const auto network, Network::make(graph, false, context.isa, 1));
  const std::vector<ObservedValue> values = values_to_observe(graph);
  const Watch watch(graph, values);

  const auto make_worker = [&]() -> Result<CalibrationWorker> {
    auto runner = std::make_shared<Runner>(*network);
    return CalibrationWorker([&, runner](int64_t item, Observer& observer) -> Result<std::string> {
      HT_ASSIGN(Sample sample, samples.read(item));
      runner->session().set_observer([&](const Buffer& buffer, std::span<const uint8_t> bytes) { watch.show(buffer, bytes, observer); });
      HT_TRY(runner->run(sample.inputs));
      return std::move(sample.hash);
    });
  };
  CalibrationSet set{samples.names(), options.skip_bad, options.shard - 1, options.shards};
  Provenance origin;
  origin.model = model.content().hash;
  origin.preprocess = preprocess_hash(recipe.preprocess);
  origin.isa = network->isa();
  auto content = std::make_shared<halftone::Statistics::Content>();
  HT_ASSIGN(content->statistics, calibrate(set, values, origin, make_worker, context));
  return halftone::Statistics(std::move(content));
}

}  // namespace ht

namespace halftone {

Result<Statistics> calibrate(const Recipe& recipe, const CalibrateOptions& options, const Context& context) {
  HT_TRY(check_recipe(recipe));
  HT_ASSIGN(const Model model, ht::load_float_model(recipe, context));
  return ht::calibrate_model(model, recipe, options, context);
}

}  // namespace halftone
