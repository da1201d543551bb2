// SPDX-License-Identifier: Apache-2.0
// How each layer is quantized: what holds for all, and what rules say of some.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "calibrate/range.h"
#include "ir/graph.h"

namespace ht {

// Of the layer's weights and of the values that it reads.
struct LayerChoice {
  int weights = 8;                     // bits: 8 or 4
  int64_t group = 0;                   // inputs that share a scale of 4-bit weights; 0: all of an output
  std::optional<int> activations = 8;  // bits: 8 or 16; none: only weights are quantized, and the layer computes in float
  bool per_channel = true;             // scales a channel, of weights and where the target can of activations
  std::optional<bool> symmetric = {};  // activations with the zero point in the middle; else as the target has it
  RangeMethod ranges = RangeMethod::kMse;
  std::string float_reason = {};       // not empty: the layer stays in float
  bool open_bits = false;              // weights of fewer than 8 bits were not asked for by a rule
  bool stays_integer = false;          // a rule wants it in integers, whatever float would be good for
};

// What a rule says of the nodes whose names match (* and ? stand for any characters); later rules have the last word.
struct LayerRule {
  std::string match;
  std::optional<int> weights = {};
  std::optional<int64_t> group = {};
  std::optional<std::optional<int>> activations = {};
  std::optional<bool> per_channel = {}, symmetric = {}, keep_float = {};
  std::optional<RangeMethod> ranges = {};
};

// The nodes whose names match the pattern; none is an error, which names the recipe's `key`.
Result<std::vector<size_t>> nodes_called(const Graph& graph, const std::string& pattern, std::string_view key);

// Nodes whose weights keep 8 bits where no rule asks for 4.
using WideProducts = std::set<std::string>;

// Which weights keep 8 bits where others get 4.
struct WideWeights {
  double average_bits = 4.5;                  // of a weight, at most
  std::optional<WideProducts> products = {};  // none: by the graph's structure

  // How many of so many weights may have 8 bits.
  int64_t most_of(int64_t weights) const;
};

// The choice for each node of the graph. Where nothing says which products are wide, those are that are few and weigh heavily: of depthwise
// convolutions and of the first and last products, the smallest first, as long as the average of bits allows it for all weights together; `notes`
// say so, and how many bits a weight has on average. A pattern that matches nothing is an error, and so are groups where no weights have 4
// bits.
Result<std::vector<LayerChoice>> choose_layers(const Graph& graph, const LayerChoice& all, const std::vector<LayerRule>& rules,
                                               const WideWeights& wide, std::vector<std::string>& notes);

// Of a value that these layers read: the most bits, symmetric where one asks for it, a scale a channel where all may have it, and the
// range method of the first.
LayerChoice joint_choice(const std::vector<const LayerChoice*>& readers);

}  // namespace ht
