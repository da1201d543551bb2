// SPDX-License-Identifier: Apache-2.0
// Every value of a network while it runs.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>

#include "api/network.h"
#include "ir/graph.h"

namespace ht {

// A value as it lies in memory, as the plain tensor of its own type that it stands for.
Tensor plain_tensor(const Buffer& buffer, std::span<const uint8_t> bytes);

// A value as the graph has it: plain, in its own element type.
struct ComputedValue {
  std::string name;
  std::string layer, op;  // of the node that makes it; empty for inputs
  Tensor tensor;
  std::optional<Affine> affine;
};

// Runs the network and shows every value that is made on the way, inputs and outputs among them, each once and in the order in which
// they are made. Values that a kernel computes together with what reads them are not made.
Status trace(Runner& runner, const Graph& graph, std::span<const Tensor> inputs, const std::function<void(ComputedValue)>& show);

}  // namespace ht
