// SPDX-License-Identifier: Apache-2.0
// Which values become integers, which of them share parameters, and which parameters.
#pragma once

#include <vector>

#include "quantize/quantize.h"
#include "quantize/roles.h"

namespace ht {

// One quantized value is a group; operators that only move elements join the groups of their inputs and outputs.
class ValueGroups {
 public:
  explicit ValueGroups(size_t values);
  size_t find(ValueId value) const;
  void join(ValueId a, ValueId b);

 private:
  mutable std::vector<size_t> parents_;
};

// The integers for values of which this is the choice; those of 16 bits have their zero point at 0.
IntegerGrid activation_grid(const LayerChoice& choice, const Target& target);

// For each value whether integers hold it: somebody computes with them, and it does not stand between a product and the
// activation that the same kernel computes.
std::vector<bool> find_quantized_values(const Graph& graph, const std::vector<Role>& roles, const Target& target);

// Gives every quantized value its affine type. `graph` gets the types; notes tell what was special.
Status assign_parameters(Graph& graph, const std::vector<Role>& roles, const std::vector<bool>& quantized, const Statistics& statistics,
                         const QuantizeRequest& request, const Equalizations& equalized, std::vector<std::string>& notes);

// Whether all integers that read the value's group belong to depthwise convolutions, so that a scale a channel is exact.
// Lists those convolutions.
struct DepthwiseReaders {
  bool only = false;
  std::vector<NodeId> convolutions;
};
DepthwiseReaders depthwise_readers(const Graph& graph, const Links& links, const std::vector<Role>& roles,
                                   const std::vector<ValueId>& members);
// The members of each group of more than zero quantized values.
std::vector<std::vector<ValueId>> group_members(const Graph& graph, const std::vector<Role>& roles, const std::vector<bool>& quantized);

}  // namespace ht
