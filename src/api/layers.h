// SPDX-License-Identifier: Apache-2.0
// What can be said of each layer and value without running the network.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "calibrate/statistics.h"
#include "halftone/results.h"
#include "ir/graph.h"

namespace ht {

// What the plan says of a layer.
struct LayerWork {
  int64_t macs = 0;
  std::string kernel;
};
struct Work {
  std::map<std::string, LayerWork> layers;  // by the node's name
  int64_t macs = 0, conversions = 0;
};
// Empty for a network that has no plan, say for a type that no kernel has: it is still worth a look.
Work work_of(const Graph& graph, bool in_integers, bool with_kernels, const Context& context);

// Learned numbers among a node's inputs; indices and sizes are not.
bool is_weight(const Graph& graph, ValueId value);
// In a file, where two integers of 4 bits share a byte.
int64_t stored_bytes(const TensorType& type);

halftone::LayerInfo layer_of(const Graph& graph, const Node& node, const Work& work, const Statistics* statistics);

// Of a value that is not constant: what its integers can hold, beside what the statistics saw, or that alone; nothing where neither is known.
std::optional<halftone::RangeInfo> range_of(const Value& value, const Statistics* statistics);
halftone::RangeInfo observed_range(const std::string& name, const ValueStatistics& statistics);

}  // namespace ht
