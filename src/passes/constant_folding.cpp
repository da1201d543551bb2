// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "ops/ops.h"
#include "ops/work.h"
#include "passes/passes.h"
#include "passes/rewrite.h"

namespace ht {
namespace {

// Results beyond this are left to be computed at run time: a file of a few bytes must not make gigabytes.
constexpr int64_t kMostElements = int64_t{1} << 22;
// Multiplications or moves that all folding together may take; import has done most of it.
constexpr int64_t kMostWork = int64_t{1} << 28;

// The node's work; nothing where it is not folded.
std::optional<int64_t> work_of_foldable(const Graph& graph, const Node& node) {
  auto is_plain = [&](ValueId id) { return !graph.value(id).type.is_quantized(); };
  for (ValueId input : node.inputs)
    if (input.valid() && (!graph.is_constant(input) || !is_plain(input))) return std::nullopt;
  int64_t elements = 0;
  for (ValueId output : node.outputs) {
    if (!is_plain(output)) return std::nullopt;
    elements = std::max(elements, element_count(graph.value(output).type.shape));
  }
  return elements > kMostElements ? std::nullopt : reference_work(graph, node, elements);
}

}  // namespace

Result<bool> constant_folding(Graph& graph) {
  std::vector<Node> kept;
  int64_t work_left = kMostWork;
  for (Node& node : graph.nodes) {
    if (const auto work = work_of_foldable(graph, node); work && *work <= work_left) {
      work_left -= *work;
      std::vector<const Tensor*> inputs;
      for (ValueId input : node.inputs) inputs.push_back(input.valid() ? &*graph.value(input).constant : nullptr);
      // What cannot be computed, such as a division by zero, stays for those who run it.
      if (auto outputs = reference(node, inputs)) {
        for (size_t i = 0; i < node.outputs.size(); ++i) graph.value(node.outputs[i]).constant = (*outputs)[i];
        continue;
      }
    }
    kept.push_back(std::move(node));
  }
  const bool changed = kept.size() != graph.nodes.size();
  graph.nodes = std::move(kept);
  if (changed) compact_values(graph);
  return changed;
}

}  // namespace ht
