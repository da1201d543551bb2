// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "passes/passes.h"

namespace ht {

Result<bool> dead_code(Graph& graph) {
  std::vector<bool> needed(graph.values.size(), false);
  for (ValueId output : graph.outputs) needed[output.index] = true;
  std::vector<Node> kept;
  for (size_t i = graph.nodes.size(); i-- > 0;) {
    Node& node = graph.nodes[i];
    if (std::ranges::none_of(node.outputs, [&](ValueId output) { return needed[output.index]; })) continue;
    for (ValueId input : node.inputs)
      if (input.valid()) needed[input.index] = true;
    kept.push_back(std::move(node));
  }
  const size_t values = graph.values.size();
  const bool changed = kept.size() != graph.nodes.size();
  std::ranges::reverse(kept);
  graph.nodes = std::move(kept);
  compact_values(graph);
  return changed || graph.values.size() != values;
}

}  // namespace ht
