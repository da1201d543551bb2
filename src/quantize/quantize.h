// SPDX-License-Identifier: Apache-2.0
// From a float graph and its statistics to a graph with quantized types.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "calibrate/calibrate.h"
#include "calibrate/range.h"
#include "ir/graph.h"
#include "quantize/equalized.h"
#include "quantize/layers.h"
#include "quantize/moments.h"
#include "quantize/row_rounding.h"
#include "quantize/target.h"

namespace ht {

struct FloatNode {
  std::string name, op, reason;
};

// What is done for weights that have one scale for all: factors moved between layers, and biases as well.
enum class CrossLayer : uint8_t { kNone, kFactors, kFactorsAndBiases };

struct QuantizeRequest {
  Target target;
  LayerChoice layers;            // of all nodes that no rule names
  std::vector<LayerRule> rules;
  bool quantize_head = false;  // the arithmetic behind the last weighted layers too
  std::vector<std::string> keep_float;
  std::set<std::string> unclipped;  // values whose ranges hold all that was seen of them, and of what shares their parameters
  WideWeights wide;
  std::vector<FloatNode> spared;  // more nodes that stay in float
  CrossLayer cross_layer = CrossLayer::kNone;
  MeasureMoments measure_moments;  // where there is none, weights are rounded to the nearest
  RefineRequest refine;
};

struct QuantizedGraph {
  Graph graph;
  int64_t quantized_nodes = 0;
  std::vector<FloatNode> float_nodes;
  Equalizations equalized;         // values that the float graph does not have
  std::set<std::string> pinned;     // nodes that a rule wants in integers
  std::set<std::string> open_bits;  // nodes whose weights may have 4 or 8 bits, as no rule says
  std::vector<std::string> notes;  // what was done about difficult values
};

// Whether anything of it depends on statistics: not where only weights are quantized.
bool needs_statistics(const QuantizeRequest& request);

// The values whose statistics quantize_graph() may ask for.
std::vector<ObservedValue> values_to_observe(const Graph& graph);

// Fails where a value has no statistics that it needs, is not finite, or where an output is constant over all images.
Result<QuantizedGraph> quantize_graph(Graph graph, const Statistics& statistics, const QuantizeRequest& request);

}  // namespace ht
