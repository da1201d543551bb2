// SPDX-License-Identifier: Apache-2.0
// A scale a channel for engines that know only one scale a tensor.
#pragma once

#include "quantize/ranges.h"

namespace ht {

// What a target that absorbs scales a channel would give the values: the types by their names in the float graph.
using ChannelTypes = std::map<std::string, TensorType>;
Result<ChannelTypes> absorbed_types(const Graph& graph, const std::vector<Role>& roles, const Statistics& statistics, const QuantizeRequest& request);

// The steps of channels with these ranges when all share one zero point, out of 0..255 of unsigned integers: the one at which the steps
// grow least in the mean square. Ranges hold zero; those that are {0, 0} take the least step of the others.
struct SharedZeroPoint {
  int32_t zero_point = 0;
  std::vector<double> steps;
};
SharedZeroPoint share_zero_point(const std::vector<Range>& ranges);

// Where convolutions read values to which `wanted` gives a scale a channel and the target cannot: divides the channels by factors and
// multiplies the convolutions' weights by them, W x = (W f) (x / f). The division goes into the weights of the convolution that makes the
// value where only a ReLU or nothing stands between; elsewhere it is a Mul. Where Q/DQ stands before activations a Mul leaves its
// convolution in float, so there it must pay: where many channels would drown in one scale. Says what it did in `notes`.
Result<Equalizations> equalize_channels(Graph& graph, std::vector<Role>& roles, const ChannelTypes& wanted, const QuantizeRequest& request,
                                        std::vector<std::string>& notes);

}  // namespace ht
