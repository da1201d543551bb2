// SPDX-License-Identifier: Apache-2.0
#include "passes/rewrite.h"

#include <algorithm>

#include "ops/ops.h"
#include "passes/passes.h"

namespace ht {
namespace {

void redirect(Graph& graph, const Links& links, ValueId from, ValueId to) {
  for (NodeId reader : links.consumers(from)) std::ranges::replace(graph.node(reader).inputs, from, to);
}

}  // namespace

bool Rewriter::replace(NodeId id, Node node) {
  node.outputs = graph_.node(id).outputs;
  const auto types = infer(graph_, node);
  if (!types || types->size() != node.outputs.size()) return false;
  for (size_t i = 0; i < types->size(); ++i) {
    const TensorType& type = value(node.outputs[i]).type;
    if ((*types)[i].shape != type.shape || (!type.is_quantized() && (*types)[i].dtype != type.dtype)) return false;
  }
  const std::vector<ValueId> before = graph_.node(id).inputs;
  graph_.node(id) = std::move(node);
  links_.change_inputs(graph_, id, before);
  return true;
}

bool Rewriter::bypass(NodeId id, ValueId source) {
  const ValueId output = graph_.node(id).outputs[0];
  if (!links_.is_output(output)) {
    redirect(graph_, links_, output, source);
  } else {
    const NodeId maker = links_.producer(source);
    if (!maker.valid() || links_.is_output(source)) return false;
    redirect(graph_, links_, source, output);
    const TensorType type = value(output).type;
    graph_.node(id).outputs[0] = add_value(value(output).name, type);
    std::ranges::replace(graph_.node(maker).outputs, source, output);
    graph_.node(id).inputs.assign(1, output);
  }
  links_ = Links(graph_);
  return true;
}

Result<bool> rewrite_nodes(Graph& graph, const std::function<bool(Rewriter&, NodeId)>& rewrite) {
  bool changed = false;
  for (bool again = true; again; changed |= again) {
    again = false;
    Rewriter rewriter(graph);
    const size_t values = graph.values.size();
    for (size_t i = 0; i < graph.nodes.size(); ++i) again |= rewrite(rewriter, NodeId(i));
    if (again || graph.values.size() != values) HT_TRY(dead_code(graph));
  }
  return changed;
}

bool is_float32(const Value& value) { return value.type.dtype == DType::kFloat32 && !value.type.is_quantized(); }

bool have_same_numbers(const Value& a, const Value& b) {
  if (a.type.dtype != b.type.dtype || a.type.affine != b.type.affine) return false;
  return !a.type.affine || a.type.affine->is_per_tensor();
}

std::vector<double> constant_elements(const Graph& graph, ValueId id) {
  if (!graph.is_constant(id) || !is_float32(graph.value(id))) return {};
  return graph.value(id).constant->to_doubles();
}

}  // namespace ht
