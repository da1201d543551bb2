// SPDX-License-Identifier: Apache-2.0
#include "evaluate/tail.h"

#include <algorithm>

#include "executor/executor.h"

namespace ht {
bool has_weights(const Node& node) {
  return std::holds_alternative<Conv>(node.op) || std::holds_alternative<Gemm>(node.op) || std::holds_alternative<MatMul>(node.op);
}

namespace {

// The nodes that outputs are computed with behind the last ones with weights, whose values become inputs.
Graph tail_of(const Graph& graph) {
  const Links links(graph);
  std::vector<bool> needed(graph.nodes.size(), false), seen(graph.values.size(), false);
  Graph tail;
  tail.values = graph.values;
  std::vector<ValueId> open = graph.outputs;
  while (!open.empty()) {
    const ValueId id = open.back();
    open.pop_back();
    if (!id.valid() || seen[id.index] || graph.is_constant(id)) continue;
    seen[id.index] = true;
    const NodeId producer = links.producer(id);
    if (!producer.valid() || has_weights(graph.node(producer))) {
      tail.inputs.push_back(id);
      continue;
    }
    needed[producer.index] = true;
    const auto& inputs = graph.node(producer).inputs;
    open.insert(open.end(), inputs.begin(), inputs.end());
  }
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    if (needed[i]) tail.nodes.push_back(graph.nodes[i]);
  }
  for (ValueId id : graph.outputs) {
    const bool is_input = std::ranges::find(tail.inputs, id) != tail.inputs.end();
    if (!is_input && !graph.is_constant(id)) tail.outputs.push_back(id);
  }
  return tail;
}

Tensor filled(const TensorType& type, float activation) {
  // Quantized values are computed as the real numbers that they stand for.
  if (!type.affine && type.dtype != DType::kFloat32) return Tensor::zeros(type.dtype, type.shape);
  const std::vector<float> values(static_cast<size_t>(element_count(type.shape)), activation);
  return Tensor::of_floats(type.shape, values);
}

}  // namespace

std::vector<std::vector<float>> tail_response(const Graph& graph, float activation) {
  std::vector<std::vector<float>> response(graph.outputs.size());
  Graph tail = tail_of(graph);
  std::vector<Tensor> inputs, outputs;
  for (ValueId id : tail.inputs) inputs.push_back(filled(tail.value(id).type, activation));
  for (size_t i = 0; i < response.size(); ++i) {
    const auto input = std::ranges::find(tail.inputs, graph.outputs[i]);
    if (input != tail.inputs.end()) response[i] = inputs[static_cast<size_t>(input - tail.inputs.begin())].to_floats();
  }
  const std::vector<ValueId> computed = tail.outputs;
  if (computed.empty()) return response;
  compact_values(tail);
  const auto program = FloatProgram::make(tail, Isa::kBest, 1);
  if (!program) return response;
  auto values = FloatExecutor(**program).run(inputs);
  if (!values) return response;
  for (size_t i = 0; i < response.size(); ++i) {
    const auto output = std::ranges::find(computed, graph.outputs[i]);
    if (output != computed.end()) response[i] = (*values)[static_cast<size_t>(output - computed.begin())].to_floats();
  }
  return response;
}

}  // namespace ht
