// SPDX-License-Identifier: Apache-2.0
#include "quantize/wide.h"

#include <algorithm>
#include <map>

#include "quantize/roles.h"

namespace ht {
namespace {

struct NarrowProduct {
  std::string node;
  int64_t weights = 0;
  double error = 0;
};

// Integer weights of a graph: the products whose bits may change, and how many weights more may have 8.
struct IntegerWeights {
  std::map<std::string_view, int64_t> open;
  int64_t left = 0;
};

IntegerWeights integer_weights_of(const QuantizedGraph& quantized, const WideWeights& most) {
  IntegerWeights found;
  int64_t all = 0, wide = 0;
  for (const Node& node : quantized.graph.nodes) {
    if (!is_weighted(quantized.graph, node)) continue;
    const TensorType& type = quantized.graph.value(node.inputs[1]).type;
    if (!type.is_quantized()) continue;
    const int64_t count = element_count(type.shape);
    all += count;
    if (type.dtype != DType::kInt4) wide += count;
    else if (quantized.open_bits.contains(node.name)) found.open.emplace(node.name, count);
  }
  found.left = most.most_of(all) - wide;
  return found;
}

}  // namespace

Result<WideProducts> find_wide_products(const Graph& graph, const Statistics& statistics, QuantizeRequest request, const MeasureTrials& measure) {
  request.wide.products.emplace();
  HT_ASSIGN(const QuantizedGraph quantized, quantize_graph(graph, statistics, request));
  IntegerWeights weights = integer_weights_of(quantized, request.wide);
  const std::vector<IntegerLayer> layers = integer_layers(graph, quantized);
  std::vector<NarrowProduct> candidates;
  std::vector<Trial> trials;
  for (const IntegerLayer& layer : layers) {
    const auto found = weights.open.find(layer.node);
    if (found == weights.open.end() || found->second > weights.left) continue;
    candidates.push_back({layer.node, found->second});
    trials.push_back({{&layer, true, false}});
  }
  WideProducts wide;
  if (candidates.empty()) return wide;
  HT_ASSIGN(const std::vector<double> errors, measure(trials, head_values(graph)));
  for (size_t i = 0; i < candidates.size(); ++i) candidates[i].error = errors[i];
  std::ranges::stable_sort(candidates, std::greater(), [](const NarrowProduct& c) { return c.error / static_cast<double>(c.weights); });
  for (const NarrowProduct& candidate : candidates) {
    if (candidate.weights > weights.left) continue;
    weights.left -= candidate.weights;
    wide.insert(candidate.node);
  }
  return wide;
}

}  // namespace ht
