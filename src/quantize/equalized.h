// SPDX-License-Identifier: Apache-2.0
// What was done to the channels of values for the sake of their scales.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "ir/graph.h"

namespace ht {

// Values whose channels are divided by factors before anything is quantized.
struct Equalized {
  std::string source;          // the value of the float graph: its channel c is (this one's + offsets[c]) * factors[c]
  std::vector<float> factors;  // above 0
  std::vector<float> offsets;  // what readers have in their bias instead; empty: nothing
  TensorType type;             // quantized, with one scale

  // The source's type that gives the same integers where there are no offsets: a scale a channel.
  Result<TensorType> source_type() const;
};
using Equalizations = std::map<std::string, Equalized>;  // by the value's name

// Null where nothing was done to the value of this name.
const Equalized* find_equalized(const Equalizations& equalized, const std::string& name);

// What the outputs of this convolution, the producer of a value with factors or of what a ReLU makes that of, were divided by; null: nothing.
const Equalized* divided_output(const Graph& graph, const Links& links, const Node& node, const Equalizations& equalized);

}  // namespace ht
