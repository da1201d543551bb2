// SPDX-License-Identifier: Apache-2.0
#include "api/known_values.h"

#include <algorithm>

#include "api/trace.h"
#include "passes/passes.h"

namespace ht {
namespace {

constexpr int64_t kMostBytes = int64_t{256} << 20;  // kept; what does not fit is computed again

// Makes the values inputs of the graph, wherever nothing else that their nodes make is read.
void cut(Graph& graph, const std::map<std::string, Tensor, std::less<>>& values) {
  std::erase_if(graph.nodes, [&](const Node& node) {
    if (!std::ranges::all_of(node.outputs, [&](ValueId output) { return values.contains(graph.value(output).name); })) return false;
    graph.inputs.insert(graph.inputs.end(), node.outputs.begin(), node.outputs.end());
    return true;
  });
}

void remove_unread_inputs(Graph& graph) {
  const Links links(graph);
  std::erase_if(graph.inputs, [&](ValueId input) { return links.consumers(input).empty() && !links.is_output(input); });
  compact_values(graph);
}

}  // namespace

Result<Graph> KnownValues::part(const Graph& graph, const std::set<std::string_view>& names) {
  for (auto& values : samples_) std::erase_if(values, [&](const auto& value) { return !wanted_.contains(value.first); });
  Graph part = graph;
  part.outputs.clear();
  for (size_t v = 0; v < part.values.size(); ++v)
    if (names.contains(part.values[v].name)) part.outputs.push_back(ValueId(v));
  // Samples that could not be read have none.
  const auto seen = std::ranges::find_if(samples_, [](const auto& values) { return !values.empty(); });
  if (seen != samples_.end()) cut(part, *seen);
  HT_TRY(dead_code(part));
  remove_unread_inputs(part);
  for (const Node& node : part.nodes)
    for (ValueId output : node.outputs) made_.insert(part.value(output).name);
  want(graph);
  return part;
}

// What is made and read by a node to come, or by one that makes floats, which are not kept, for such a node.
void KnownValues::want(const Graph& graph) {
  wanted_.clear();
  int64_t bytes = 0;
  std::vector<bool> is_read(graph.values.size(), false);
  for (size_t n = graph.nodes.size(); n-- > 0;) {
    const Node& node = graph.nodes[n];
    bool reads = false;
    for (ValueId output : node.outputs) {
      const Value& value = graph.value(output);
      const bool is_made = made_.contains(value.name);
      reads = reads || !is_made || (!value.type.is_quantized() && is_read[output.index]);
      if (!is_made || !value.type.is_quantized() || !is_read[output.index]) continue;
      const int64_t more = element_count(value.type.shape) * dtype_size(value.type.dtype) * static_cast<int64_t>(samples_.size());
      if (bytes + more <= kMostBytes) bytes += more, wanted_.insert(value.name);
    }
    for (ValueId input : node.inputs)
      if (input.valid()) is_read[input.index] = is_read[input.index] || reads;
  }
}

void KnownValues::see(size_t sample, const Buffer& buffer, std::span<const uint8_t> bytes) {
  if (wanted_.contains(buffer.name)) samples_[sample].try_emplace(buffer.name, plain_tensor(buffer, bytes));
}

const Tensor* KnownValues::find(size_t sample, const std::string& name) const {
  const auto found = samples_[sample].find(name);
  return found == samples_[sample].end() ? nullptr : &found->second;
}

}  // namespace ht
