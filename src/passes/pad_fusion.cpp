// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <limits>

#include "passes/passes.h"
#include "passes/rewrite.h"

namespace ht {
namespace {

// Whether the padding is on the spatial axes alone and only adds.
bool pads_space(const Pad& pad) {
  const size_t rank = pad.pads.size() / 2;
  if (pad.mode != PadMode::kConstant || rank < 3) return false;
  for (size_t axis = 0; axis < 2; ++axis)
    if (pad.pads[axis] != 0 || pad.pads[rank + axis] != 0) return false;
  return std::ranges::all_of(pad.pads, [](int64_t p) { return p >= 0; });
}

Ints sum_of_pads(const Pad& pad, const Ints& own) {
  const size_t rank = pad.pads.size() / 2, spatial = rank - 2;
  Ints sum(2 * spatial);
  for (size_t i = 0; i < spatial; ++i) {
    sum[i] = own[i] + pad.pads[i + 2];
    sum[spatial + i] = own[spatial + i] + pad.pads[rank + i + 2];
  }
  return sum;
}

// Functions that never go below zero, so that zeros around them cannot win a maximum against what is there.
bool is_never_negative(const Node* unary) {
  if (!unary) return false;
  const Unary& op = std::get<Unary>(unary->op);
  return op.kind == UnaryKind::kRelu || op.kind == UnaryKind::kSigmoid || op.kind == UnaryKind::kHardSigmoid ||
         (op.kind == UnaryKind::kClip && op.alpha >= 0);
}

bool is_all(const Ints& list, int64_t x) {
  return std::ranges::all_of(list, [x](int64_t entry) { return entry == x; });
}

bool fuse_into_conv(Rewriter& rewriter, NodeId id, const Node& padding) {
  Node node = rewriter.node(id);
  const Pad& pad = std::get<Pad>(padding.op);
  if (pad.value != 0) return false;
  auto& conv = std::get<Conv>(node.op);
  conv.pads = sum_of_pads(pad, conv.pads);
  node.inputs[0] = padding.inputs[0];
  return rewriter.replace(id, std::move(node));
}

bool fuse_into_pool(Rewriter& rewriter, NodeId id, const Node& padding) {
  Node node = rewriter.node(id);
  auto& pool = std::get<Pool>(node.op);
  const Pad& pad = std::get<Pad>(padding.op);
  if (pool.global) return false;
  if (pool.kind == PoolKind::kAverage) {
    // The zeros were counted as elements.
    if (pad.value != 0 || !(pool.count_include_pad || is_all(pool.pads, 0))) return false;
    pool.count_include_pad = true;
  } else {
    const bool is_lowest = pad.value <= std::numeric_limits<float>::lowest();
    const bool is_harmless =
        pad.value == 0 && is_all(pool.dilations, 1) && is_never_negative(rewriter.producer<Unary>(padding.inputs[0]));
    if (!is_lowest && !is_harmless) return false;
  }
  pool.pads = sum_of_pads(pad, pool.pads);
  node.inputs[0] = padding.inputs[0];
  return rewriter.replace(id, std::move(node));
}

bool fuse(Rewriter& rewriter, NodeId id) {
  const Node& node = rewriter.node(id);
  const bool is_conv = std::holds_alternative<Conv>(node.op);
  if (!is_conv && !std::holds_alternative<Pool>(node.op)) return false;
  const Node* padding = rewriter.producer<Pad>(node.inputs[0]);
  if (!padding || !pads_space(std::get<Pad>(padding->op))) return false;
  if (!have_same_numbers(rewriter.value(padding->inputs[0]), rewriter.value(padding->outputs[0]))) return false;
  return is_conv ? fuse_into_conv(rewriter, id, *padding) : fuse_into_pool(rewriter, id, *padding);
}

}  // namespace

Result<bool> pad_fusion(Graph& graph) { return rewrite_nodes(graph, fuse); }

}  // namespace ht
