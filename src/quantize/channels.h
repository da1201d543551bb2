// SPDX-License-Identifier: Apache-2.0
// A scale a channel: which channels must share one, and where it pays.
#pragma once

#include <functional>
#include <vector>

#include "calibrate/range.h"
#include "quantize/roles.h"

namespace ht {

// Whether the node that makes the value gives it one scale: ONNX Runtime's integer forms of average pooling and of functions that
// stand between Q/DQ pairs refuse a scale a channel on their output.
bool makes_one_scale(const Graph& graph, const Links& links, const std::vector<Role>& roles, const std::vector<bool>& quantized, ValueId value);

// Channels (axis 1) that operators only move, from value to value, share their parameters with where they came from.
class ChannelClasses {
 public:
  ChannelClasses(const Graph& graph, const std::vector<Role>& roles, const std::vector<bool>& quantized);

  // Whether the integer nodes that read or move the values leave channels whole, as a scale each asks for.
  bool keeps_channels(const std::vector<ValueId>& members) const;
  // Whether every integer node that reads or makes the values can have a scale a channel on them.
  bool can_have_channel_scales(const std::vector<ValueId>& members) const;
  // The union of the given ranges over each channel's class; `range_of` gives a value's ranges by channel.
  using RangesOf = std::function<Result<std::vector<Range>>(ValueId)>;
  Result<std::vector<std::vector<Range>>> class_ranges(const std::vector<ValueId>& members, const RangesOf& ranges_of) const;

  // A number that all channels of the class have in common.
  size_t find(ValueId value, int64_t channel) const;

 private:
  void join(ValueId a, int64_t channel_a, ValueId b, int64_t channel_b);
  bool follow(const Node& node);
  bool reader_allows(const Node& node) const;

  const Graph& graph_;
  const std::vector<Role>& roles_;
  const std::vector<bool>& quantized_;
  Links links_;
  std::vector<size_t> first_;  // of each value's channels
  mutable std::vector<size_t> parents_;
};

}  // namespace ht
