// SPDX-License-Identifier: Apache-2.0
#include "ops/ops.h"

namespace ht {
namespace {

// Element type and shape as the operators see them; only Convert tells a quantized value from its real numbers.
bool agrees(const Node& node, const TensorType& inferred, const TensorType& type) {
  if (std::holds_alternative<Convert>(node.op)) return inferred == type;
  return inferred.shape == type.shape && inferred.dtype == (type.is_quantized() ? DType::kFloat32 : type.dtype);
}

std::string text(const TensorType& type) {
  return fmt::format("{}{} {}", type.is_quantized() ? "quantized " : "", dtype_name(type.dtype), shape_text(type.shape));
}

}  // namespace

Status verify(const Graph& graph) {
  HT_TRY(verify_structure(graph));
  for (const Node& node : graph.nodes) {
    HT_ASSIGN(const Types inferred, infer(graph, node));
    if (inferred.size() != node.outputs.size())
      return input_error("has {} outputs and makes {}", node.outputs.size(), inferred.size()).in("node " + node.name);
    for (size_t i = 0; i < inferred.size(); ++i) {
      const Value& value = graph.value(node.outputs[i]);
      if (!agrees(node, inferred[i], value.type))
        return input_error("makes {}, but its output {} has the type {}", text(inferred[i]), value.name, text(value.type))
            .in("node " + node.name);
    }
  }
  return {};
}

}  // namespace ht
