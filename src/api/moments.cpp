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

// Photos as the network takes them, kept as far as they fit into so many bytes, since each part of the network reads all of them.
class KeptPhotos {
 public:
  KeptPhotos(Samples samples, int64_t count) : samples_(std::move(samples)), photos_(static_cast<size_t>(std::min(count, samples_.size()))) {}

  int64_t size() const { return static_cast<int64_t>(photos_.size()); }
  // Evenly spread over all samples.
  const std::string& name(int64_t index) const { return samples_.names()[static_cast<size_t>(place(index))]; }

  Result<std::shared_ptr<const Sample>> read(int64_t index) {
    std::shared_ptr<const Sample>& kept = photos_[static_cast<size_t>(index)];
    if (kept) return kept;
    HT_ASSIGN(Sample read, samples_.read(place(index)));
    int64_t bytes = 0;
    for (const Tensor& input : read.inputs) bytes += static_cast<int64_t>(input.bytes().size());
    auto sample = std::make_shared<const Sample>(std::move(read));
    if (bytes * size() <= kMostKept) kept = sample;
    return sample;
  }

 private:
  static constexpr int64_t kMostKept = int64_t{128} << 20;
  int64_t place(int64_t index) const { return (2 * index + 1) * samples_.size() / (2 * size()); }

  Samples samples_;
  std::vector<std::shared_ptr<const Sample>> photos_;  // each touched by one thread at a time
};

// A product's sums, to which lanes add in turn.
struct Gathered {
  explicit Gathered(const ObservedProduct& product) : moments{ProductMoments(product), ProductMoments(product)} {}
  std::mutex mutex;
  ObservedMoments moments;
};

// By the name of a value, the products that read or make it.
using ByValue = std::multimap<std::string_view, size_t>;

class Measurement {
 public:
  Measurement(const halftone::Model& model, const halftone::Recipe& recipe, bool skip_bad, const Context& context)
      : graph_(model.content().graph), recipe_(recipe), skip_bad_(skip_bad), context_(context) {}

  Result<std::vector<ObservedMoments>> run(const Graph& quantized, std::span<const ObservedProduct> products, size_t first, size_t count) {
    if (!photos_) {
      HT_ASSIGN(Samples samples, calibration_samples(graph_, recipe_));
      photos_ = std::make_unique<KeptPhotos>(std::move(samples), kPhotos);
    }
    if (first + count > known_) HT_TRY(run_in_float(products, first, count));
    ByValue by_input;
    for (size_t p = first; p < first + count; ++p) by_input.emplace(products[p].input, p);
    std::vector<std::unique_ptr<Gathered>> gathered;
    for (const ObservedProduct& product : products.subspan(first, count)) gathered.push_back(std::make_unique<Gathered>(product));
    HT_TRY(run_photos(quantized, true, by_input, first, count, products.size(), [&](int64_t photo, size_t p, const Buffer& buffer, std::span<uint8_t> bytes) {
      std::vector<float>& kept = outputs_.at({photo, p});
      const ProductSamples samples(products[p], photo);
      const std::vector<double> rows = samples.inputs(buffer, bytes), values(kept.begin(), kept.end());
      kept = {};
      Gathered& own = *gathered[p - first];
      const std::lock_guard lock(own.mutex);
      (photo % kCheckEach == kCheckEach - 1 ? own.moments.check : own.moments.fit).add(samples.count(), rows, values);
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
  using Show = std::function<void(int64_t photo, size_t product, const Buffer& buffer, std::span<uint8_t> bytes)>;

  // Keeps what the float network gives for these products, and for as many later ones as fit.
  Status run_in_float(std::span<const ObservedProduct> products, size_t first, size_t count) {
    int64_t bytes = 0;
    for (known_ = first; known_ < products.size(); ++known_) {
      bytes += photos_->size() * static_cast<int64_t>(ProductSamples(products[known_], 0).count()) * products[known_].outputs * int64_t{sizeof(float)};
      if (known_ >= first + count && bytes > kMostOutputs) break;
    }
    outputs_.clear();
    std::map<std::string_view, std::string_view> output_of;
    for (const Node& node : graph_.nodes) output_of.emplace(node.name, graph_.value(node.outputs[0]).name);
    ByValue by_output;
    for (size_t p = first; p < known_; ++p) {
      by_output.emplace(output_of[products[p].node], p);
      for (int64_t photo = 0; photo < photos_->size(); ++photo) outputs_[{photo, p}];
    }
    return run_photos(graph_, false, by_output, first, 0, products.size(), [&](int64_t photo, size_t p, const Buffer& buffer, std::span<uint8_t> data) {
      const std::vector<double> values = ProductSamples(products[p], photo).outputs(buffer, data);
      outputs_.at({photo, p}).assign(values.begin(), values.end());
    });
  }

  // Runs the part of a graph that makes these values and shows each, once a photo and product.
  Status run_photos(const Graph& graph, bool in_integers, const ByValue& products, size_t first, size_t count, size_t all, const Show& show) const {
    std::set<std::string_view> names;
    for (const auto& [name, unused] : products) names.insert(name);
    HT_ASSIGN(const Graph part, up_to(graph, names));
    HT_ASSIGN(const auto network, Network::make(part, in_integers, context_.isa, 1));
    std::vector<std::unique_ptr<Runner>> runners(static_cast<size_t>(std::min<int64_t>(resolve_threads(context_.threads), photos_->size())));
    Context shown = context_;
    const auto photos = static_cast<size_t>(photos_->size());
    shown.on_progress = [&](std::string_view stage, int64_t done, int64_t) {
      context_.progress(stage, static_cast<int64_t>(first * photos + count * static_cast<size_t>(done)), static_cast<int64_t>(all * photos));
    };
    return for_each_sample(shown, "weights", photos_->size(), static_cast<int>(runners.size()), [&](int64_t photo, int lane) -> Status {
      const auto sample = photos_->read(photo);
      if (!sample && skip_bad_ && sample.error().code == ErrorCode::kInput) return {};
      if (!sample) return in_file(sample.error(), photos_->name(photo));
      std::unique_ptr<Runner>& runner = runners[static_cast<size_t>(lane)];
      if (!runner) runner = std::make_unique<Runner>(*network);
      std::set<std::string_view> seen;
      runner->session().set_observer([&](const Buffer& buffer, std::span<uint8_t> bytes) {
        if (buffer.affine.has_value() != in_integers) return;
        const auto [begin, end] = products.equal_range(buffer.name);
        if (begin == end || !seen.insert(begin->first).second) return;
        for (auto at = begin; at != end; ++at) show(photo, at->second, buffer, bytes);
      });
      const auto outputs = runner->run((*sample)->inputs);
      return outputs ? Status() : Status(outputs.error());
    });
  }

  static constexpr int64_t kMostOutputs = int64_t{192} << 20;  // bytes kept of what the float network gives

  const Graph& graph_;
  const halftone::Recipe& recipe_;
  bool skip_bad_;
  const Context& context_;
  std::unique_ptr<KeptPhotos> photos_;
  size_t known_ = 0;                                                  // products before this have their outputs
  std::map<std::pair<int64_t, size_t>, std::vector<float>> outputs_;  // by photo and product: integers that a float holds exactly
};

}  // namespace

MeasureMoments measure_moments_on_photos(const halftone::Model& model, const halftone::Recipe& recipe, bool skip_bad, const Context& context) {
  return [measurement = std::make_shared<Measurement>(model, recipe, skip_bad, context)](const Graph& quantized, std::span<const ObservedProduct> products,
                                                                                         size_t first, size_t count) {
    return measurement->run(quantized, products, first, count);
  };
}

}  // namespace ht
