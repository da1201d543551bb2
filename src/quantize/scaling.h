// SPDX-License-Identifier: Apache-2.0
// Factors of channels moved between layers: the network computes the same.
#pragma once

#include <vector>

#include "quantize/roles.h"

namespace ht {

// The channel of a convolution's whole input that weight i, counted over all, multiplies.
size_t input_channel(const Shape& weights, int64_t groups, int64_t i);

std::vector<float> inverses_of(const std::vector<float>& factors);

// Multiplies by factors: one an index of axis 0 where `rows`, else one a channel of the whole input of a convolution with groups.
Tensor scale_channels(const Tensor& weights, const std::vector<float>& factors, bool rows, int64_t groups);

class ChannelScaling {
 public:
  // The graph may get constants and nodes at its end meanwhile.
  ChannelScaling(Graph& graph, const std::vector<Role>& roles) : graph_(graph), roles_(roles), links_(graph), names_(graph) {}

  const Links& links() const { return links_; }
  bool is_integer(NodeId id) const { return id.valid() && roles_[id.index].is_integer(); }
  // Made by a node that only moves elements.
  bool is_moved(ValueId value) const;
  // A convolution with constant weights.
  bool is_convolution(NodeId id) const;

  // The convolution behind which only a ReLU or nothing stands before the value, so that its weights and bias can take a division of the
  // value's channels; none where a float node that is no such convolution reads the value, or anybody else what lies between.
  NodeId folding_convolution(ValueId value) const;
  // Multiplies the convolution's weights and bias, a factor an output.
  void fold(NodeId convolution, const std::vector<float>& factors);
  // Lets the integer nodes that read the value read this one, and multiplies the weights of the convolutions among them. Where it is the
  // same value, those in float have no other and take the factors too.
  void scale_readers(ValueId value, ValueId scaled, const std::vector<float>& factors);

  // A name for a value whose channels were divided, and for other things made on its behalf.
  std::string name_beside(const std::string& name, std::string_view what) { return names_.make(name + "_" + std::string(what)); }

 private:
  Graph& graph_;
  const std::vector<Role>& roles_;
  const Links links_;
  FreshNames names_;
};

}  // namespace ht
