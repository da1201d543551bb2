// SPDX-License-Identifier: Apache-2.0
#include "api/moments.h"

#include <mutex>
#include <set>

#include "api/arrays.h"
#include "api/calibrate.h"
#include "api/content.h"
#include "api/network.h"
#include "api/product_samples.h"
#include "passes/passes.h"

namespace ht {
namespace {

constexpr int64_t kPhotos = 32;
constexpr int64_t kCheckEach = 4;  // each photo so many is kept for checking

// The part of the graph that makes the values of these names.
Result<Graph> up_to(Graph graph, const std::set<std::string_view>& names) {
  graph.outputs.clear();
  for (size_t v = 0; v < graph.values.size(); ++v)
    if (names.contains(graph.values[v].name)) graph.outputs.push_back(ValueId(v));
  HT_TRY(dead_code(graph));
  return graph;
}

// A product's sums, to which lanes add in turn.
struct Gathered {
  explicit Gathered(const ObservedProduct& product) : moments{ProductMoments(product), ProductMoments(product)} {}
  std::mutex mutex;
  ObservedMoments moments;
};

class Measurement {
 public:
  Measurement(const halftone::Model& model, const halftone::Recipe& recipe, bool skip_bad, const Context& context)
      : graph_(model.content().graph), recipe_(recipe), skip_bad_(skip_bad), context_(context) {}

  Result<std::vector<ObservedMoments>> run(const Graph& quantized, std::span<const ObservedProduct> products, int64_t part, int64_t parts) const {
    std::vector<std::string> outputs;
    for (const ObservedProduct& product : products) {
      const auto node = std::ranges::find(graph_.nodes, product.node, &Node::name);
      if (node == graph_.nodes.end()) return input_error("the float network has no node {}", product.node);
      outputs.push_back(graph_.value(node->outputs[0]).name);
    }
    std::multimap<std::string_view, size_t> by_output, by_input;
    std::set<std::string_view> float_names, names;
    for (size_t p = 0; p < products.size(); ++p) {
      by_output.emplace(outputs[p], p);
      by_input.emplace(products[p].input, p);
      float_names.insert(outputs[p]);
      names.insert(products[p].input);
    }
    HT_ASSIGN(const Graph float_part, up_to(graph_, float_names));
    HT_ASSIGN(const Graph integer_part, up_to(quantized, names));
    HT_ASSIGN(const auto in_float, Network::make(float_part, false, context_.isa, 1));
    HT_ASSIGN(const auto in_integers, Network::make(integer_part, true, context_.isa, 1));

    HT_ASSIGN(const Samples samples, calibration_samples(graph_, recipe_));
    std::vector<std::unique_ptr<Gathered>> gathered;
    for (const ObservedProduct& product : products) gathered.push_back(std::make_unique<Gathered>(product));
    const int64_t photos = std::min(kPhotos, samples.size());
    struct Lane {
      std::unique_ptr<Runner> in_float, in_integers;
    };
    std::vector<Lane> lanes(static_cast<size_t>(std::min<int64_t>(resolve_threads(context_.threads), photos)));
    Context quiet = context_;
    quiet.on_progress = [&](std::string_view stage, int64_t done, int64_t count) { context_.progress(stage, part * count + done, parts * count); };
    HT_TRY(for_each_sample(quiet, "weights", photos, static_cast<int>(lanes.size()), [&](int64_t index, int lane_index) -> Status {
      const int64_t item = (2 * index + 1) * samples.size() / (2 * photos);
      const auto sample = samples.read(item);
      if (!sample && skip_bad_ && sample.error().code == ErrorCode::kInput) return {};
      if (!sample) return in_file(sample.error(), samples.names()[static_cast<size_t>(item)]);
      Lane& lane = lanes[static_cast<size_t>(lane_index)];
      if (!lane.in_float) {
        lane.in_float = std::make_unique<Runner>(*in_float);
        lane.in_integers = std::make_unique<Runner>(*in_integers);
      }
      std::vector<ProductSamples> readers;
      for (const ObservedProduct& product : products) readers.emplace_back(product, index);
      std::vector<std::vector<double>> values(products.size());
      lane.in_float->session().set_observer([&](const Buffer& buffer, std::span<uint8_t> bytes) {
        const auto [first, last] = by_output.equal_range(buffer.name);
        for (auto at = first; at != last; ++at) values[at->second] = readers[at->second].outputs(buffer, bytes);
      });
      const auto floats = lane.in_float->run(sample->inputs);
      if (!floats) return floats.error();
      lane.in_integers->session().set_observer([&](const Buffer& buffer, std::span<uint8_t> bytes) {
        const auto [first, last] = by_input.equal_range(buffer.name);
        for (auto at = first; at != last; ++at) {
          if (!buffer.affine || values[at->second].empty()) continue;
          const ProductSamples& reader = readers[at->second];
          const std::vector<double> rows = reader.inputs(buffer, bytes);
          Gathered& own = *gathered[at->second];
          const std::lock_guard lock(own.mutex);
          (index % kCheckEach == kCheckEach - 1 ? own.moments.check : own.moments.fit).add(reader.count(), rows, values[at->second]);
          values[at->second].clear();
        }
      });
      const auto integers = lane.in_integers->run(sample->inputs);
      return integers ? Status() : Status(integers.error());
    }));
    std::vector<ObservedMoments> moments;
    for (const auto& own : gathered) {
      own->moments.fit.finish();
      own->moments.check.finish();
      moments.push_back(std::move(own->moments));
    }
    return moments;
  }

 private:
  const Graph& graph_;
  const halftone::Recipe& recipe_;
  bool skip_bad_;
  const Context& context_;
};

}  // namespace

MeasureMoments measure_moments_on_photos(const halftone::Model& model, const halftone::Recipe& recipe, bool skip_bad, const Context& context) {
  return [measurement = Measurement(model, recipe, skip_bad, context)](const Graph& quantized, std::span<const ObservedProduct> products, int64_t part,
                                                                       int64_t parts) { return measurement.run(quantized, products, part, parts); };
}

}  // namespace ht
