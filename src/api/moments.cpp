// SPDX-License-Identifier: Apache-2.0
#include "api/moments.h"

#include <mutex>
#include <set>

#include "api/arrays.h"
#include "api/calibrate.h"
#include "api/content.h"
#include "api/known_values.h"
#include "api/network.h"
#include "api/product_samples.h"

namespace ht {
namespace {

constexpr int64_t kPhotos = 100;
constexpr int64_t kCheckEach = 4;  // each photo so many is kept for checking

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
    if (first == 0) {  // another network, whose products have units of their own
      known_outputs_ = 0;
      known_ = std::make_unique<KnownValues>(static_cast<size_t>(photos_->size()));
    }
    if (first + count > known_outputs_) HT_TRY(run_in_float(products, first, count));
    ByValue by_input;
    for (size_t p = first; p < first + count; ++p) by_input.emplace(products[p].input, p);
    std::vector<std::unique_ptr<Gathered>> gathered;
    for (const ObservedProduct& product : products.subspan(first, count)) gathered.push_back(std::make_unique<Gathered>(product));
    HT_ASSIGN(const Graph part, known_->part(quantized, names_of(by_input)));
    const auto add_to_moments = [&](int64_t photo, size_t p, const Buffer& buffer, std::span<const uint8_t> bytes) {
      std::vector<float>& kept = outputs_.at({photo, p});
      const ProductSamples samples(products[p], photo);
      const std::vector<double> rows = samples.inputs(buffer, bytes), values(kept.begin(), kept.end());
      kept = {};
      Gathered& own = *gathered[p - first];
      const std::lock_guard lock(own.mutex);
      ++own.moments.photos;
      (photo % kCheckEach == kCheckEach - 1 ? own.moments.check : own.moments.fit).add(samples.count(), rows, values);
    };
    const auto show = [&](int64_t photo, const Buffer& buffer, std::span<const uint8_t> bytes) {
      if (!buffer.affine) return;
      known_->see(static_cast<size_t>(photo), buffer, bytes);
      const auto [begin, end] = by_input.equal_range(buffer.name);
      for (auto at = begin; at != end; ++at) add_to_moments(photo, at->second, buffer, bytes);
    };
    HT_TRY(run_photos(part, true, {first, count, products.size()}, show));
    std::vector<ObservedMoments> moments;
    for (const auto& own : gathered) {
      own->moments.fit.finish();
      own->moments.check.finish();
      moments.push_back(std::move(own->moments));
    }
    return moments;
  }

 private:
  // Of each value of a photo's run, once.
  using Show = std::function<void(int64_t photo, const Buffer& buffer, std::span<const uint8_t> bytes)>;

  // How many products were done before a run, how many it does, and of how many.
  struct Share {
    size_t first, count, all;
  };

  // Keeps what the float network gives for these products, and for as many later ones as fit.
  Status run_in_float(std::span<const ObservedProduct> products, size_t first, size_t count) {
    int64_t bytes = 0;
    for (known_outputs_ = first; known_outputs_ < products.size(); ++known_outputs_) {
      const ObservedProduct& product = products[known_outputs_];
      bytes += photos_->size() * static_cast<int64_t>(ProductSamples(product, 0).count()) * product.outputs * int64_t{sizeof(float)};
      if (known_outputs_ >= first + count && bytes > kMostOutputs) break;
    }
    outputs_.clear();
    std::map<std::string_view, std::string_view> output_of;
    for (const Node& node : graph_.nodes) output_of.emplace(node.name, graph_.value(node.outputs[0]).name);
    ByValue by_output;
    for (size_t p = first; p < known_outputs_; ++p) {
      by_output.emplace(output_of[products[p].node], p);
      for (int64_t photo = 0; photo < photos_->size(); ++photo) outputs_[{photo, p}];
    }
    HT_ASSIGN(const Graph part, KnownValues(0).part(graph_, names_of(by_output)));
    return run_photos(part, false, {first, 0, products.size()}, [&](int64_t photo, const Buffer& buffer, std::span<const uint8_t> data) {
      const auto [begin, end] = by_output.equal_range(buffer.name);
      for (auto at = begin; at != end; ++at) {
        const std::vector<double> values = ProductSamples(products[at->second], photo).outputs(buffer, data);
        outputs_.at({photo, at->second}).assign(values.begin(), values.end());
      }
    });
  }

  static std::set<std::string_view> names_of(const ByValue& products) {
    std::set<std::string_view> names;
    for (const auto& [name, unused] : products) names.insert(name);
    return names;
  }

  // What a part of the network reads of a photo; nothing where the photo cannot be read and is skipped.
  Result<std::optional<std::vector<Tensor>>> inputs_of(const Graph& part, int64_t photo) const {
    std::vector<Tensor> inputs;
    for (ValueId id : part.inputs) {
      const std::string& name = part.value(id).name;
      const auto own = std::ranges::find(graph_.inputs, name, [&](ValueId input) { return graph_.value(input).name; });
      if (own == graph_.inputs.end()) {
        const Tensor* known = known_->find(static_cast<size_t>(photo), name);
        if (!known) return std::optional<std::vector<Tensor>>();
        inputs.push_back(*known);
        continue;
      }
      const auto sample = photos_->read(photo);
      if (!sample && skip_bad_ && sample.error().code == ErrorCode::kInput) return std::optional<std::vector<Tensor>>();
      if (!sample) return in_file(sample.error(), photos_->name(photo));
      inputs.push_back((*sample)->inputs[static_cast<size_t>(own - graph_.inputs.begin())]);
    }
    return std::optional(std::move(inputs));
  }

  Status run_photos(const Graph& part, bool in_integers, const Share& share, const Show& show) const {
    HT_ASSIGN(const auto network, Network::make(part, in_integers, context_.isa, 1));
    std::vector<std::unique_ptr<Runner>> runners(static_cast<size_t>(std::min<int64_t>(resolve_threads(context_.threads), photos_->size())));
    Context shown = context_;
    const auto photos = static_cast<size_t>(photos_->size());
    shown.on_progress = [&](std::string_view stage, int64_t done, int64_t) {
      context_.progress(stage, static_cast<int64_t>(share.first * photos + share.count * static_cast<size_t>(done)), static_cast<int64_t>(share.all * photos));
    };
    return for_each_sample(shown, "weights", photos_->size(), static_cast<int>(runners.size()), [&](int64_t photo, int lane) -> Status {
      HT_ASSIGN(const auto inputs, inputs_of(part, photo));
      if (!inputs) return {};
      std::unique_ptr<Runner>& runner = runners[static_cast<size_t>(lane)];
      if (!runner) runner = std::make_unique<Runner>(*network);
      std::set<std::string_view> seen;
      runner->session().set_observer([&](const Buffer& buffer, std::span<uint8_t> bytes) {
        if (seen.insert(buffer.name).second) show(photo, buffer, bytes);
      });
      const auto outputs = runner->run(*inputs);
      return outputs ? Status() : Status(outputs.error());
    });
  }

  static constexpr int64_t kMostOutputs = int64_t{192} << 20;  // bytes kept of what the float network gives

  const Graph& graph_;
  const halftone::Recipe& recipe_;
  bool skip_bad_;
  const Context& context_;
  std::unique_ptr<KeptPhotos> photos_;
  std::unique_ptr<KnownValues> known_;                                // of the quantized network
  size_t known_outputs_ = 0;                                          // products before this have their outputs
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
