// SPDX-License-Identifier: Apache-2.0
#include "ops/work.h"

#include <algorithm>

#include "base/checked.h"

namespace ht {

std::optional<int64_t> reference_work(const Graph& graph, const Node& node, int64_t outputs) {
  const auto shape = [&](size_t input) -> const Shape& { return graph.value(node.inputs[input]).type.shape; };
  const auto most_elements = [&] {
    int64_t most = outputs;
    for (ValueId input : node.inputs)
      if (input.valid()) most = std::max(most, element_count(graph.value(input).type.shape));
    return most;
  };
  if (std::holds_alternative<Conv>(node.op)) return checked_mul(outputs, element_count(shape(1)) / std::max<int64_t>(shape(1)[0], 1));
  if (const auto* gemm = std::get_if<Gemm>(&node.op)) return checked_mul(outputs, shape(0)[gemm->transpose_a ? 0 : 1]);
  if (std::holds_alternative<MatMul>(node.op)) return checked_mul(outputs, shape(0).empty() ? 1 : shape(0).back());
  if (const auto* pool = std::get_if<Pool>(&node.op); pool && !pool->global) {
    const auto kernel = checked_product(pool->kernel);
    return kernel ? checked_mul(outputs, *kernel) : std::nullopt;
  }
  if (std::holds_alternative<RoiAlign>(node.op)) return checked_mul(outputs, most_elements());
  const bool reduces = std::holds_alternative<Reduce>(node.op) || std::holds_alternative<Pool>(node.op) || std::holds_alternative<ArgExtreme>(node.op) ||
                       std::holds_alternative<TopK>(node.op);
  return reduces ? most_elements() : outputs;
}

}  // namespace ht
