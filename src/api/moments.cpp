// SPDX-License-Identifier: Apache-2.0
#include "api/moments.h"

#include "api/arrays.h"
#include "api/calibrate.h"
#include "api/content.h"
#include "api/grid.h"
#include "api/network.h"

namespace ht {
namespace {

constexpr int64_t kPhotos = 24;
constexpr int64_t kOutputs = 128;  // sampled a photo

// Reads single elements of [1, C, H, W] (or [1, C, W]) as they lie in memory.
struct Image {
  explicit Image(const Buffer& buffer, std::span<const uint8_t> bytes) : data(reinterpret_cast<const float*>(bytes.data())) {
    const Shape strides = layout_strides(buffer.shape, buffer.layout);
    channel = strides[1];
    for (size_t axis = 2; axis < buffer.shape.size(); ++axis) {
      sizes.push_back(buffer.shape[axis]);
      steps.push_back(strides[axis]);
    }
  }
  const float* data;
  int64_t channel;
  Shape sizes, steps;
};

class Gatherer {
 public:
  explicit Gatherer(const ObservedProduct& product) : product_(product), grid_(product.input_type) {
    const Shape& weights = product.weights;
    taps_ = element_count(weights) / (weights[0] * weights[1]);
    moments_.groups = product.conv.groups;
    moments_.size = weights[1] * taps_;
    moments_.sums.resize(static_cast<size_t>(moments_.groups * moments_.size * moments_.size));
  }

  void add(const Buffer& buffer, std::span<const uint8_t> bytes) {
    const Image image(buffer, bytes);
    const int64_t outputs = element_count(product_.output) / (product_.output[0] * product_.output[1]);
    const int64_t samples = std::min(kOutputs, outputs);
    const auto size = static_cast<size_t>(moments_.size);
    std::vector<float> row(size);
    for (int64_t s = 0; s < samples; ++s) {
      // Steps of the golden ratio spread evenly over any shape.
      const auto output = samples == outputs ? s : static_cast<int64_t>((static_cast<uint64_t>(s) * 0x9e3779b97f4a7c15u >> 32) * static_cast<uint64_t>(outputs) >> 32);
      const std::vector<int64_t> offsets = tap_offsets(image, output);
      for (int64_t g = 0; g < moments_.groups; ++g) {
        read_row(image, offsets, g, row);
        double* sums = moments_.sums.data() + static_cast<size_t>(g) * size * size;
        for (size_t i = 0; i < size; ++i) {
          if (row[i] == 0) continue;
          for (size_t j = 0; j <= i; ++j) sums[i * size + j] += static_cast<double>(row[i] * row[j]);
        }
      }
    }
  }

  void merge(const Gatherer& other) {
    for (size_t i = 0; i < moments_.sums.size(); ++i) moments_.sums[i] += other.moments_.sums[i];
  }

  InputMoments finish() {
    const auto size = static_cast<size_t>(moments_.size);
    for (double* sums = moments_.sums.data(); sums < moments_.sums.data() + moments_.sums.size(); sums += size * size)
      for (size_t i = 0; i < size; ++i)
        for (size_t j = 0; j < i; ++j) sums[j * size + i] = sums[i * size + j];
    return std::move(moments_);
  }

 private:
  // Of each tap's element of channel 0, or -1 in the padding.
  std::vector<int64_t> tap_offsets(const Image& image, int64_t output) const {
    const size_t axes = image.sizes.size();
    std::vector<int64_t> offsets(static_cast<size_t>(taps_), 0);
    for (int64_t tap = 0; tap < taps_; ++tap) {
      int64_t left_output = output, left_tap = tap, offset = 0;
      bool is_inside = true;
      for (size_t axis = axes; axis-- > 0;) {
        const int64_t extent = product_.output[axis + 2], kernel = product_.weights[axis + 2];
        const int64_t at = left_output % extent * product_.conv.strides[axis] - product_.conv.pads[axis] + left_tap % kernel * product_.conv.dilations[axis];
        is_inside = is_inside && at >= 0 && at < image.sizes[axis];
        offset += at * image.steps[axis];
        left_output /= extent;
        left_tap /= kernel;
      }
      offsets[static_cast<size_t>(tap)] = is_inside ? offset : -1;
    }
    return offsets;
  }

  void read_row(const Image& image, const std::vector<int64_t>& offsets, int64_t group, std::vector<float>& row) const {
    const auto taps = static_cast<size_t>(taps_);
    for (int64_t i = 0; i < product_.weights[1]; ++i) {
      const int64_t channel = group * product_.weights[1] + i;
      const std::span<float> values = std::span(row).subspan(static_cast<size_t>(i) * taps, taps);
      for (size_t t = 0; t < taps; ++t) values[t] = offsets[t] < 0 ? 0.0f : image.data[offsets[t] + channel * image.channel];
      grid_.levels(static_cast<size_t>(channel), values, values);
    }
  }

  const ObservedProduct& product_;
  Grid grid_;
  int64_t taps_ = 1;
  InputMoments moments_;
};

// What one thread has.
struct Lane {
  std::unique_ptr<Runner> runner;
  std::vector<Gatherer> gatherers;
};

}  // namespace

MeasureMoments measure_moments_on_photos(const halftone::Model& model, const halftone::Recipe& recipe, bool skip_bad, const Context& context) {
  return [&, skip_bad](std::span<const ObservedProduct> products) -> Result<std::map<std::string, InputMoments>> {
    const Graph& graph = model.content().graph;
    HT_ASSIGN(const Samples samples, calibration_samples(graph, recipe));
    HT_ASSIGN(const auto network, Network::make(graph, false, context.isa, 1));
    std::multimap<std::string_view, size_t> by_input;
    for (size_t p = 0; p < products.size(); ++p) by_input.emplace(products[p].input, p);
    const int64_t photos = std::min(kPhotos, samples.size());
    std::vector<Lane> lanes(static_cast<size_t>(std::min<int64_t>(resolve_threads(context.threads), photos)));
    HT_TRY(for_each_sample(context, "weights", photos, static_cast<int>(lanes.size()), [&](int64_t index, int lane_index) -> Status {
      Lane& lane = lanes[static_cast<size_t>(lane_index)];
      if (!lane.runner) {
        lane.runner = std::make_unique<Runner>(*network);
        for (const ObservedProduct& product : products) lane.gatherers.emplace_back(product);
        lane.runner->session().set_observer([&](const Buffer& buffer, std::span<uint8_t> bytes) {
          const auto [first, last] = by_input.equal_range(buffer.name);
          for (auto at = first; at != last && buffer.dtype == DType::kFloat32; ++at) lane.gatherers[at->second].add(buffer, bytes);
        });
      }
      const int64_t item = (2 * index + 1) * samples.size() / (2 * photos);
      const auto sample = samples.read(item);
      if (!sample && skip_bad && sample.error().code == ErrorCode::kInput) return {};
      if (!sample) return in_file(sample.error(), samples.names()[static_cast<size_t>(item)]);
      const auto outputs = lane.runner->run(sample->inputs);
      return outputs ? Status() : Status(outputs.error());
    }));
    std::map<std::string, InputMoments> moments;
    std::vector<Gatherer>* total = nullptr;
    for (Lane& lane : lanes) {
      if (lane.gatherers.empty()) continue;
      if (total)
        for (size_t p = 0; p < products.size(); ++p) (*total)[p].merge(lane.gatherers[p]);
      else
        total = &lane.gatherers;
    }
    for (size_t p = 0; total && p < products.size(); ++p) moments.emplace(products[p].node, (*total)[p].finish());
    return moments;
  };
}

MeasureMoments remembering(MeasureMoments measure) {
  struct Known {
    TensorType input;
    std::optional<InputMoments> moments;  // none: it has too many taps
  };
  const auto known = std::make_shared<std::map<std::string, Known>>();
  return [known, measure = std::move(measure)](std::span<const ObservedProduct> products) -> Result<std::map<std::string, InputMoments>> {
    std::vector<ObservedProduct> unknown;
    for (const ObservedProduct& product : products) {
      const auto found = known->find(product.node);
      if (found == known->end() || found->second.input != product.input_type) unknown.push_back(product);
    }
    if (!unknown.empty()) {
      HT_ASSIGN(auto measured, measure(unknown));
      for (const ObservedProduct& product : unknown) {
        const auto found = measured.find(product.node);
        (*known)[product.node] = {product.input_type, found == measured.end() ? std::nullopt : std::optional(std::move(found->second))};
      }
    }
    std::map<std::string, InputMoments> moments;
    for (const ObservedProduct& product : products)
      if (const auto& one = known->at(product.node).moments) moments.emplace(product.node, *one);
    return moments;
  };
}

}  // namespace ht
