// SPDX-License-Identifier: Apache-2.0
#include "ir/conversions.h"

#include <algorithm>

namespace ht {
namespace {

class ConversionFolder {
 public:
  explicit ConversionFolder(Graph& graph) : graph_(graph), stands_for_(graph.values.size()), is_gone_(graph.nodes.size(), false) {
    for (size_t i = 0; i < stands_for_.size(); ++i) stands_for_[i] = ValueId(i);
  }

  void run() {
    drop_needless();
    apply();
    make_types();
    apply();
    compact_values(graph_);
  }

 private:
  const Convert* conversion(NodeId id) const { return std::get_if<Convert>(&graph_.node(id).op); }

  void replace(NodeId node, ValueId by) {
    stands_for_[graph_.node(node).outputs[0].index] = by;
    is_gone_[node.index] = true;
  }

  // Nodes are in an order in which they can run, so what a node reads has been settled before it.
  void drop_needless() {
    const Links links(graph_);
    for (size_t i = 0; i < graph_.nodes.size(); ++i) {
      for (ValueId& input : graph_.nodes[i].inputs)
        if (input.valid()) input = stands_for_[input.index];
      const Convert* convert = conversion(NodeId(i));
      if (!convert || links.is_output(graph_.nodes[i].outputs[0])) continue;
      const ValueId input = graph_.nodes[i].inputs[0];
      const TensorType& type = graph_.value(input).type;
      const bool is_same = type.dtype == convert->to && type.affine == convert->affine;
      const bool to_float = convert->to == DType::kFloat32 && type.is_quantized();
      if (is_same || to_float) {
        replace(NodeId(i), input);
        continue;
      }
      if (const NodeId earlier = equal_conversion(links, input, i); earlier.valid())
        replace(NodeId(i), graph_.node(earlier).outputs[0]);
    }
  }

  NodeId equal_conversion(const Links& links, ValueId input, size_t before) const {
    for (NodeId reader : links.consumers(input))
      if (reader.index < before && !is_gone_[reader.index] && conversion(reader) &&
          graph_.node(reader).op == graph_.nodes[before].op)
        return reader;
    return {};
  }

  void make_types() {
    const Links links(graph_);
    for (size_t i = 0; i < graph_.values.size(); ++i) {
      const ValueId id(i);
      const NodeId reader = links.only_consumer(id);
      Value& value = graph_.value(id);
      if (!reader.valid() || !links.producer(id).valid() || value.type.dtype != DType::kFloat32 || value.type.is_quantized())
        continue;
      const Convert* convert = conversion(reader);
      if (!convert || !convert->affine) continue;
      const ValueId output = graph_.node(reader).outputs[0];
      value.type = graph_.value(output).type;
      if (links.is_output(output)) std::swap(value.name, graph_.value(output).name);
      replace(reader, id);
    }
  }

  void apply() {
    auto redirect = [&](std::vector<ValueId>& ids) {
      for (ValueId& id : ids)
        if (id.valid()) id = stands_for_[id.index];
    };
    std::vector<Node> kept;
    for (size_t i = 0; i < graph_.nodes.size(); ++i) {
      if (is_gone_[i]) continue;
      redirect(graph_.nodes[i].inputs);
      kept.push_back(std::move(graph_.nodes[i]));
    }
    redirect(graph_.outputs);
    graph_.nodes = std::move(kept);
    is_gone_.assign(graph_.nodes.size(), false);
  }

  Graph& graph_;
  std::vector<ValueId> stands_for_;  // what the readers of a value read instead
  std::vector<bool> is_gone_;
};

}  // namespace

void fold_conversions(Graph& graph) { ConversionFolder(graph).run(); }

}  // namespace ht
