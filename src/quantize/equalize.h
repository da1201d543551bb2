// SPDX-License-Identifier: Apache-2.0
// A scale a channel for engines that know only one scale a tensor.
#pragma once

#include "quantize/quantize.h"
#include "quantize/ranges.h"

namespace ht {

// Where only depthwise convolutions read a value whose channels differ so much that one scale would drown most of them: divides it
// by its channels' magnitudes with an explicit Mul and multiplies the convolutions' weights instead. What feeds the Mul stays in
// float up to the convolution that makes it, whose role changes. Says what it did in `notes`.
Status equalize_channels(Graph& graph, std::vector<Role>& roles, const Statistics& statistics, const QuantizeRequest& request,
                         std::vector<std::string>& notes);

}  // namespace ht
