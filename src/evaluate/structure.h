// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "evaluate/head.h"
#include "ir/graph.h"

namespace ht {

// The node that computes one element of a value, behind everything that only moves elements (reshape, transpose, slice,
// concatenation, conversion of types). `element` counts in row-major order. Null where that is an input or a constant.
const Node* element_source(const Graph& graph, const Links& links, ValueId value, int64_t element);

// Outputs with the values that their samples show.
struct DescribedOutputs {
  std::vector<ModelOutput> outputs;
  std::vector<std::vector<float>> values;
};

// The graph's outputs with what their structure tells about boxes and scores, whatever the head.
DescribedOutputs describe_outputs(const Graph& graph);
// The same, with what the structure tells where the task's head fits them.
DescribedOutputs describe_outputs(const Graph& graph, const DetectionTask& task, InputSize input);

}  // namespace ht
