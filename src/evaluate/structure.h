// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "evaluate/head.h"
#include "ir/graph.h"

namespace ht {

// The node that computes one element of a value, behind everything that only moves elements (reshape, transpose, slice,
// concatenation, conversion of types). `element` counts in row-major order. Null where that is an input or a constant.
const Node* element_source(const Graph& graph, const Links& links, ValueId value, int64_t element);

// The graph's outputs, with what their structure tells about scores and boxes where the task's head fits them.
std::vector<ModelOutput> describe_outputs(const Graph& graph, const DetectionTask& task, InputSize input);

}  // namespace ht
