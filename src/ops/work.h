// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "ir/graph.h"

namespace ht {

// About how many multiplications, or moves of an element, reference() takes for the node, whose largest output has so many elements.
// Nothing where that is beyond counting.
std::optional<int64_t> reference_work(const Graph& graph, const Node& node, int64_t outputs);

}  // namespace ht
