// SPDX-License-Identifier: Apache-2.0
// Single layers of a float network computing as integers make them compute, to measure what that does to the heads.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "quantize/quantize.h"

namespace ht {

// What integers make of one node of the float graph, in real numbers: values that are rounded to the grids of quantized types for its sake,
// and its constants (weights, bias) as the integers stand for them.
struct IntegerLayer {
  struct Constant {
    size_t index;  // among the node's inputs; a bias may be new
    Tensor reals;
    bool operator==(const Constant&) const = default;
  };
  std::string node;
  std::map<std::string, TensorType> grids;  // by the float graph's value; whoever reads it reads it rounded
  std::vector<Constant> constants;
};

// Of each node of the float graph that the quantized one, which was made from it, computes in integers or with integer weights, in the
// graph's order. What only moves integers belongs to the layers behind it, and is one of its own where no integer node reads what it
// moves. A Mul that the quantized graph has before a product, to scale its channels, belongs to the product.
std::vector<IntegerLayer> integer_layers(const Graph& graph, const QuantizedGraph& quantized);

// A layer that computes with what the integers make of its weights (and bias), its inputs, or both. The layer must outlive it.
struct Part {
  const IntegerLayer* layer;
  bool weights = true, inputs = true;
};
// Parts of layers, each layer once; all else computes in float.
using Trial = std::vector<Part>;
Trial whole_trial(const std::vector<IntegerLayer>& layers);  // all of them, which must outlive it

// A float graph to run while some of its values are rounded, each to the grid of its type, as soon as they are made.
struct TrialGraph {
  std::optional<Graph> changed;             // none: the float graph as it is
  std::map<std::string, TensorType> grids;  // by the value's name
};
// Of a value that layers want on several grids, the one with most bits counts, the first of these. What is an output of the graph stays
// in float: the layers read a rounded copy.
Result<TrialGraph> make_trial(const Graph& graph, const Trial& trial);

// The outputs of the last products with constant weights: behind them outputs are only decoded.
std::vector<std::string> head_values(const Graph& graph);

// These, and what a sigmoid or softmax behind them makes of them: of scores that are all near 0 the logits hardly matter.
std::vector<std::string> judged_values(const Graph& graph);

// For each trial the error that it makes of these values of the float network: squared, in units of each one's mean square, summed over
// them and averaged over photos.
using MeasureTrials = std::function<Result<std::vector<double>>(std::span<const Trial> trials, std::span<const std::string> heads)>;

// Bits of a layer's weights (4 or 8) and of the values that it reads (8 or 16); none: that part is float.
struct LayerBits {
  std::optional<int> weights, inputs;
  auto operator<=>(const LayerBits&) const = default;
};
// By the nodes' names; layers that are not there are float.
using Configuration = std::map<std::string, LayerBits>;

}  // namespace ht
