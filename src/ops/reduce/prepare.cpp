// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "ops/prepare.h"
#include "ops/reduce/reduce.h"
#include "ops/steps.h"

namespace ht {
namespace {

int32_t kernel_kind(ReduceKind kind) {
  switch (kind) {
    case ReduceKind::kSum: return HT_REDUCE_SUM;
    case ReduceKind::kMean: return HT_REDUCE_MEAN;
    case ReduceKind::kMax: return HT_REDUCE_MAX;
    case ReduceKind::kMin: return HT_REDUCE_MIN;
    case ReduceKind::kProd: return HT_REDUCE_PROD;
    case ReduceKind::kL1: return HT_REDUCE_L1;
    case ReduceKind::kL2: return HT_REDUCE_L2;
    case ReduceKind::kLogSum: return HT_REDUCE_LOG_SUM;
    case ReduceKind::kLogSumExp: return HT_REDUCE_LOG_SUM_EXP;
    case ReduceKind::kSumSquare: return HT_REDUCE_SUM_SQUARE;
  }
  return HT_REDUCE_SUM;
}

// The reduced axes as one run of memory, or nothing where they do not lie together.
std::optional<AxisSplit> reduced_run(const Shape& shape, Layout layout, const Ints& axes) {
  AxisSplit split{1, 1, 1};
  int phase = 0;  // before, within, behind the reduced axes
  for (size_t axis : memory_order(shape.size(), layout)) {
    const auto size = static_cast<int32_t>(shape[axis]);
    if (size == 1) continue;
    const bool reduced = std::ranges::find(axes, static_cast<int64_t>(axis)) != axes.end();
    if (reduced && phase == 2) return std::nullopt;
    if (reduced) phase = 1;
    if (!reduced && phase == 1) phase = 2;
    (phase == 0 ? split.outer : phase == 1 ? split.n : split.inner) *= size;
  }
  return split;
}

}  // namespace

Status prepare(const Reduce& op, PrepareContext& context) {
  const Shape shape = context.input_value(0).type.shape;
  const bool channels_last = op.keep_dims && context.preferred_layout() == Layout::kChannelsLast && reduced_run(shape, Layout::kChannelsLast, op.axes);
  const Layout layout = channels_last ? Layout::kChannelsLast : Layout::kPlain;
  HT_ASSIGN(const TypedInput typed, typed_input(context, 0, layout));
  BufferId input = typed.buffer;
  auto split = reduced_run(shape, layout, op.axes);
  if (!split) {  // bring the reduced axes together at the end
    std::vector<size_t> order;
    split = AxisSplit{1, 1, 1};
    for (bool reduced : {false, true})
      for (size_t axis = 0; axis < shape.size(); ++axis)
        if ((std::ranges::find(op.axes, static_cast<int64_t>(axis)) != op.axes.end()) == reduced) {
          order.push_back(axis);
          (reduced ? split->n : split->outer) *= static_cast<int32_t>(shape[axis]);
        }
    const View from = whole(context, input);
    View to{context.temporary(context.input_value(0).name, context.buffer(input).dtype, shape, Layout::kPlain), Shape(shape.size()), 0};
    int64_t stride = 1;
    for (size_t p = order.size(); p-- > 0;) {
      to.strides[order[p]] = stride;
      stride *= shape[order[p]];
    }
    add_copy(context, from, to, shape, order);
    input = to.buffer;
  }
  HT_ASSIGN(const BufferId output, typed_output(context, layout));
  const int32_t kind = kernel_kind(op.kind);
  if (split->n == 0) {
    const DType dtype = context.buffer(output).dtype;
    std::vector<std::shared_ptr<const void>> arrays;
    ht_fill_params fill{static_cast<int32_t>(dtype_size(dtype)), 1, {split->outer * split->inner}, {1}, 0, 0, nullptr};
    fill.values = keep(arrays, element_bytes(dtype, reduction_of_nothing(op.kind, dtype)));
    context.add(KernelId::k_fill, fill, std::move(arrays), {}, output);
    return {};
  }
  if (typed.type == HT_F32)
    context.add(KernelId::k_reduce_f32, ht_reduce_f32_params{kind, split->outer, split->n, split->inner}, {}, {input}, output);
  else
    context.add(KernelId::k_reduce_int, ht_reduce_int_params{kind, typed.type, split->outer, split->n, split->inner}, {}, {input}, output);
  return {};
}

}  // namespace ht
