// SPDX-License-Identifier: Apache-2.0
#include "api/search_space.h"

#include <algorithm>

#include "api/content.h"
#include "api/layer_times.h"
#include "api/layers.h"
#include "api/words.h"
#include "base/file.h"
#include "base/thread_pool.h"
#include "export/onnx/export.h"
#include "quantize/roles.h"

namespace ht {
namespace {

using halftone::LayerSettings;
using halftone::QuantizeSettings;

constexpr int kFloatBits = 32;

int activations_key(const LayerBits& bits) { return bits.inputs.value_or(halftone::kFloatActivations); }

// The bits that most layers have for their weights.
int most_frequent_weights(const Configuration& layers, int otherwise) {
  std::map<int, int> counts;
  for (const auto& [node, bits] : layers)
    if (bits.weights) ++counts[*bits.weights];
  const auto most = std::ranges::max_element(counts, {}, [](const auto& count) { return count.second; });
  return most == counts.end() ? otherwise : most->first;
}

// The bits that layers may have.
std::vector<LayerBits> bits_to_try(const QuantizeSettings& settings, bool is_timed) {
  std::vector<std::optional<int>> inputs = {8, 16};
  if (settings.activations == halftone::kFloatActivations) inputs = {std::nullopt};
  else if (!is_timed) inputs = {settings.activations};  // what is wider costs time and memory that nothing here counts
  std::vector<LayerBits> bits;
  for (const auto& in : inputs)
    for (int weights : {8, 4}) bits.push_back({weights, in});
  return bits;
}

LayerBits plain_bits(const QuantizeSettings& settings) {
  return {settings.weights, settings.activations == halftone::kFloatActivations ? std::nullopt : std::optional(settings.activations)};
}

// As a file holds them: blocks one by one, and a scale for each pair of two axes as a product of a number of each.
int64_t count_of_stored_scales(const Affine& affine, const Shape& shape) {
  int64_t sum = 0;
  for (size_t axis = 0; axis < affine.shape().size(); ++axis) {
    const int64_t scales = affine.shape()[axis];
    if (scales == 1) continue;
    if (scales != shape[axis]) return element_count(shape) / shape[axis] * scales;
    sum += scales;
  }
  return std::max<int64_t>(sum, 1);
}

int64_t bytes_of_constants(const Graph& graph, const Node& node) {
  constexpr int64_t kBytesOfScale = 4;
  int64_t bytes = 0;
  for (ValueId input : node.inputs) {
    if (!graph.is_constant(input)) continue;
    const TensorType& type = graph.value(input).type;
    bytes += stored_bytes(type);
    if (type.affine) bytes += kBytesOfScale * count_of_stored_scales(*type.affine, type.shape);
  }
  return bytes;
}

std::map<std::string, const Node*> nodes_by_name(const Graph& graph) {
  std::map<std::string, const Node*> nodes;
  for (const Node& node : graph.nodes) nodes.emplace(node.name, &node);
  return nodes;
}

// The network with all its layers alike.
struct Variant {
  LayerBits asked;
  QuantizedGraph quantized;
  Configuration bits;
  std::map<std::string, IntegerLayer> integers;
  int64_t file_bytes = 0;
};

class SpaceMeasurer {
 public:
  explicit SpaceMeasurer(const SearchSubject& subject) : subject_(subject), graph_(subject.model.content().graph) {}

  Result<SearchSpace> measure() {
    for (const Node& node : graph_.nodes)
      if (is_weighted(graph_, node)) products_.emplace(node.name, LayerBits());
    for (const LayerBits& bits : bits_to_try(subject_.recipe.quantize, subject_.timed)) HT_TRY(add_variant(bits));
    list_layers();
    if (space_.layers.empty()) return usage_error("no layer can be anything but float, so there is nothing to search for");
    HT_TRY(measure_errors());
    if (subject_.timed) HT_TRY(measure_times());
    return std::move(space_);
  }

 private:
  Status add_variant(const LayerBits& bits) {
    Configuration all = products_;
    for (auto& [node, own] : all) own = bits;
    halftone::Recipe recipe = subject_.recipe;
    recipe.quantize = settings_of(all, recipe.quantize);
    Variant& variant = variants_.emplace_back();
    variant.asked = bits;
    HT_ASSIGN(variant.quantized, quantize_model(subject_.model, recipe, subject_.seen, subject_.looks, subject_.context));
    variant.bits = bits_in(graph_, variant.quantized.graph);
    for (IntegerLayer& layer : integer_layers(graph_, variant.quantized)) {
      std::string node = layer.node;
      variant.integers.emplace(std::move(node), std::move(layer));
    }
    HT_ASSIGN(const std::vector<uint8_t> file, export_onnx(variant.quantized.graph));
    variant.file_bytes = static_cast<int64_t>(file.size());
    space_.fingerprint = sha256(space_.fingerprint + sha256(file));
    return {};
  }

  // The variant that stands for what the recipe asks for.
  size_t plain_variant() const {
    const auto found = std::ranges::find(variants_, plain_bits(subject_.recipe.quantize), &Variant::asked);
    return found == variants_.end() ? 0 : static_cast<size_t>(found - variants_.begin());
  }

  void list_layers() {
    std::vector<std::map<std::string, const Node*>> nodes;
    for (const Variant& variant : variants_) nodes.push_back(nodes_by_name(variant.quantized.graph));
    const size_t plain = plain_variant();
    space_.bytes = variants_[plain].file_bytes;
    for (const Node& node : graph_.nodes) {
      if (!is_weighted(graph_, node)) continue;
      SearchLayer layer{node.name, std::string(op_name(node.op)), element_count(graph_.value(node.inputs[1]).type.shape), {}};
      size_t own_plain = 0;
      for (size_t v = 0; v < variants_.size(); ++v) {
        const LayerBits bits = variants_[v].bits.at(node.name);
        if (!bits.weights) continue;
        const auto known = std::ranges::find(layer.options, bits, &LayerOption::bits);
        const auto at = static_cast<size_t>(known - layer.options.begin());
        if (known == layer.options.end()) {
          const auto integers = variants_[v].integers.find(node.name);
          layer.options.push_back({bits, 0, 0, bytes_of_constants(variants_[v].quantized.graph, *nodes[v].at(node.name))});
          if (integers != variants_[v].integers.end()) layer.options.back().integers = integers->second;
          variant_of_.emplace(std::pair(node.name, bits), v);
        }
        if (v == plain) own_plain = at;
      }
      if (layer.options.empty()) {
        space_.weights += layer.weights;
        continue;
      }
      space_.bytes -= layer.options[own_plain].bytes;
      if (subject_.timed) layer.options.push_back({{}, 0, 0, bytes_of_constants(graph_, node)});
      space_.plain.push_back(own_plain);
      space_.layers.push_back(std::move(layer));
    }
  }

  Status measure_errors() {
    std::vector<Trial> trials;
    std::vector<LayerOption*> options;
    for (SearchLayer& layer : space_.layers) {
      for (LayerOption& option : layer.options) {
        if (!option.integers) continue;
        trials.push_back({{&*option.integers}});
        options.push_back(&option);
      }
    }
    HT_ASSIGN(const std::vector<double> errors, subject_.sensitivity.errors(trials, "layers"));
    for (size_t i = 0; i < errors.size(); ++i) options[i]->error = errors[i];
    return {};
  }

  // Seconds of each option of each layer, and then of all else.
  Status measure_times() {
    size_t count = 1;
    for (const SearchLayer& layer : space_.layers) count += layer.options.size();
    const std::string key = fmt::format("layer times {} {} {}", subject_.machine, subject_.origin, space_.fingerprint);
    auto times = subject_.sensitivity.store().get(key, count);
    if (!times) {
      HT_ASSIGN(times, time_layers());
      subject_.sensitivity.store().put(key, *times);
    }
    size_t next = 0;
    for (SearchLayer& layer : space_.layers)
      for (LayerOption& option : layer.options) option.seconds = (*times)[next++];
    space_.seconds = (*times)[next];
    return {};
  }

  Result<std::vector<double>> time_layers() const {
    const int threads = resolve_threads(subject_.context.threads);
    std::vector<std::shared_ptr<const Network>> networks;
    std::vector<std::unique_ptr<Timed>> timed;
    const auto add = [&](const Graph& graph) -> Status {
      HT_ASSIGN(networks.emplace_back(), Network::make(graph, true, subject_.context.isa, 1));
      timed.push_back(std::make_unique<Timed>(graph, *networks.back(), threads));
      return {};
    };
    for (const Variant& variant : variants_) HT_TRY(add(variant.quantized.graph));
    HT_TRY(add(graph_));
    std::vector<Timed*> all;
    for (const auto& one : timed) all.push_back(one.get());
    HT_TRY(time_in_turns(all, 0, true, subject_.context));
    std::vector<std::map<std::string, LayerPair>> pairs;
    for (size_t v = 0; v < variants_.size(); ++v) {
      auto& own = pairs.emplace_back();
      for (LayerPair& pair : pair_layers(*timed[v], *timed.back())) own.emplace(pair.node, pair);
    }
    std::vector<double> seconds;
    double rest = quantile(timed[plain_variant()]->runs, 0.5);
    for (size_t i = 0; i < space_.layers.size(); ++i) {
      const SearchLayer& layer = space_.layers[i];
      for (size_t o = 0; o < layer.options.size(); ++o) {
        const LayerBits& bits = layer.options[o].bits;
        const size_t v = bits.weights ? variant_of_.at({layer.node, bits}) : plain_variant();
        const auto found = pairs[v].find(layer.node);
        const double own = found == pairs[v].end() ? 0 : bits.weights ? found->second.seconds : found->second.other;
        seconds.push_back(own);
        if (o == space_.plain[i]) rest -= own;
      }
    }
    seconds.push_back(std::max(rest, 0.0));
    return seconds;
  }

  const SearchSubject& subject_;
  const Graph& graph_;
  Configuration products_;
  std::vector<Variant> variants_;
  std::map<std::pair<std::string, LayerBits>, size_t> variant_of_;  // the one that has this layer so
  SearchSpace space_;
};

}  // namespace

QuantizeSettings settings_of(const Configuration& layers, const QuantizeSettings& settings) {
  QuantizeSettings mixed = settings;
  mixed.prefer = halftone::Prefer::kAccuracy;
  LayerSettings all{.match = "*", .weights = most_frequent_weights(layers, settings.weights), .keep_float = false};
  mixed.layers = {all};
  for (const auto& [node, bits] : layers) {
    LayerSettings own{.match = pattern_of(node)};
    if (!bits.weights) {
      own.keep_float = true;
    } else {
      if (bits.weights != all.weights) own.weights = bits.weights;
      if (activations_key(bits) != settings.activations) own.activations = activations_key(bits);
    }
    if (own != LayerSettings{.match = own.match}) mixed.layers.push_back(std::move(own));
  }
  mixed.layers.insert(mixed.layers.end(), settings.layers.begin(), settings.layers.end());
  const bool has_4_bits = std::ranges::any_of(layers, [](const auto& layer) { return layer.second.weights == 4; }) ||
                          std::ranges::any_of(settings.layers, [](const LayerSettings& layer) { return layer.weights == 4; });
  if (!has_4_bits) mixed.group = 0;  // which is refused where nothing would have them
  mixed.average_bits.reset();        // as all bits are given
  return mixed;
}

QuantizeSettings settings_of_average(double bits, const QuantizeSettings& settings) {
  constexpr int kUsualGroup = 32;
  QuantizeSettings average = settings;
  average.prefer = halftone::Prefer::kAccuracy;
  average.weights = 4;
  average.average_bits = bits;
  if (average.group == 0 && average.granularity == halftone::Granularity::kChannel) average.group = kUsualGroup;
  return average;
}

double cost_of(const SearchLayer& layer, const LayerOption& option, Cost cost) {
  switch (cost) {
    case Cost::kBytes: return static_cast<double>(option.bytes);
    case Cost::kSeconds: return option.seconds;
    case Cost::kWeightBits: return static_cast<double>(layer.weights) * option.bits.weights.value_or(kFloatBits);
  }
  return 0;
}

double SearchSpace::cost_of_rest(Cost cost) const {
  switch (cost) {
    case Cost::kBytes: return static_cast<double>(bytes);
    case Cost::kSeconds: return seconds;
    case Cost::kWeightBits: return static_cast<double>(weights) * kFloatBits;
  }
  return 0;
}

double SearchSpace::cost(const Picks& picks, Cost cost) const {
  double sum = cost_of_rest(cost);
  for (size_t i = 0; i < picks.size(); ++i) sum += cost_of(layers[i], layers[i].options[picks[i]], cost);
  return sum;
}

int64_t SearchSpace::all_weights() const {
  int64_t count = weights;
  for (const SearchLayer& layer : layers) count += layer.weights;
  return count;
}

double SearchSpace::average_bits(const Picks& picks) const { return cost(picks, Cost::kWeightBits) / static_cast<double>(all_weights()); }

std::optional<Picks> picks_of(const SearchSpace& space, const Configuration& layers) {
  Picks picks;
  for (const SearchLayer& layer : space.layers) {
    const auto found = std::ranges::find(layer.options, layers.at(layer.node), &LayerOption::bits);
    if (found == layer.options.end()) return std::nullopt;
    picks.push_back(static_cast<size_t>(found - layer.options.begin()));
  }
  return picks;
}

Configuration configuration_of(const SearchSpace& space, const Picks& picks) {
  Configuration layers;
  for (size_t i = 0; i < picks.size(); ++i) layers.emplace(space.layers[i].node, space.layers[i].options[picks[i]].bits);
  return layers;
}

Configuration bits_in(const Graph& graph, const Graph& quantized) {
  const auto nodes = nodes_by_name(quantized);
  const auto bits_of = [&](ValueId value) -> std::optional<int> {
    const TensorType& type = quantized.value(value).type;
    if (!type.affine) return std::nullopt;
    return type.dtype == DType::kInt4 || type.dtype == DType::kUint4 ? 4 : 8 * static_cast<int>(dtype_size(type.dtype));
  };
  Configuration layers;
  for (const Node& node : graph.nodes) {
    if (!is_weighted(graph, node)) continue;
    LayerBits& bits = layers[node.name];
    const auto found = nodes.find(node.name);
    if (found == nodes.end()) continue;
    bits.weights = bits_of(found->second->inputs[1]);
    if (bits.weights) bits.inputs = bits_of(found->second->inputs[0]);
  }
  return layers;
}

Result<SearchSpace> measure_space(const SearchSubject& subject) {
  return SpaceMeasurer(subject).measure();
}

}  // namespace ht
