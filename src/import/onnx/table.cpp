// SPDX-License-Identifier: Apache-2.0
#include "import/onnx/table.h"

#include <algorithm>
#include <array>

namespace ht {
namespace {

constexpr int64_t kNow = kNewestOpset;
constexpr size_t kAny = SIZE_MAX;

constexpr auto kRows = std::to_array<OnnxRow>({
    {"Abs", 6, kNow, 1, 1, import_unary},
    {"Add", 7, kNow, 2, 2, import_binary},
    {"And", 7, kNow, 2, 2, import_binary},
    {"AveragePool", 7, kNow, 1, 1, import_pool},
    {"BatchNormalization", 7, kNow, 5, 5, import_batch_normalization},
    {"Cast", 6, kNow, 1, 1, import_cast},
    {"CastLike", 15, kNow, 2, 2, import_cast_like},
    {"Ceil", 6, kNow, 1, 1, import_unary},
    {"Celu", 12, kNow, 1, 1, import_unary},
    {"Clip", 6, 10, 1, 1, import_clip_6},
    {"Clip", 11, kNow, 1, 3, import_clip_11},
    {"Concat", 4, kNow, 1, kAny, import_concat},
    {"Constant", 1, kNow, 0, 0, import_constant},
    {"ConstantOfShape", 9, kNow, 1, 1, import_constant_of_shape},
    {"Conv", 1, kNow, 2, 3, import_conv},
    {"Cos", 7, kNow, 1, 1, import_unary},
    {"DepthToSpace", 1, kNow, 1, 1, import_depth_to_space},
    {"DequantizeLinear", 10, kNow, 2, 3, import_dequantize},
    {"Div", 7, kNow, 2, 2, import_binary},
    {"Dropout", 7, kNow, 1, 3, import_dropout},
    {"Elu", 6, kNow, 1, 1, import_unary},
    {"Equal", 7, kNow, 2, 2, import_binary},
    {"Erf", 9, kNow, 1, 1, import_unary},
    {"Exp", 6, kNow, 1, 1, import_unary},
    {"Expand", 8, kNow, 2, 2, import_expand},
    {"Flatten", 1, kNow, 1, 1, import_flatten},
    {"Floor", 6, kNow, 1, 1, import_unary},
    {"Gather", 1, kNow, 2, 2, import_gather},
    {"Gelu", 20, kNow, 1, 1, import_gelu},
    {"Gemm", 7, kNow, 2, 3, import_gemm},
    {"GlobalAveragePool", 1, kNow, 1, 1, import_global_pool},
    {"GlobalMaxPool", 1, kNow, 1, 1, import_global_pool},
    {"Greater", 7, kNow, 2, 2, import_binary},
    {"GreaterOrEqual", 12, kNow, 2, 2, import_binary},
    {"HardSigmoid", 6, kNow, 1, 1, import_unary},
    {"HardSwish", 14, kNow, 1, 1, import_unary},
    {"Identity", 1, kNow, 1, 1, import_identity},
    {"LeakyRelu", 6, kNow, 1, 1, import_unary},
    {"Less", 7, kNow, 2, 2, import_binary},
    {"LessOrEqual", 12, kNow, 2, 2, import_binary},
    {"Log", 6, kNow, 1, 1, import_unary},
    {"LogSoftmax", 1, 12, 1, 1, import_softmax_1},
    {"LogSoftmax", 13, kNow, 1, 1, import_softmax_13},
    {"MatMul", 1, kNow, 2, 2, import_matmul},
    {"Max", 6, kNow, 1, kAny, import_variadic},
    {"MaxPool", 1, kNow, 1, 1, import_pool},
    {"Mean", 6, kNow, 1, kAny, import_variadic},
    {"Min", 6, kNow, 1, kAny, import_variadic},
    {"Mish", 18, kNow, 1, 1, import_unary},
    {"Mod", 10, kNow, 2, 2, import_mod},
    {"Mul", 7, kNow, 2, 2, import_mul},
    {"Neg", 6, kNow, 1, 1, import_unary},
    {"Not", 1, kNow, 1, 1, import_unary},
    {"Or", 7, kNow, 2, 2, import_binary},
    {"PRelu", 7, kNow, 2, 2, import_binary},
    {"Pad", 2, 10, 1, 1, import_pad_2},
    {"Pad", 11, kNow, 2, 4, import_pad_11},
    {"Pow", 7, kNow, 2, 2, import_binary},
    {"QuantizeLinear", 10, kNow, 2, 3, import_quantize},
    {"Range", 11, kNow, 3, 3, import_range},
    {"Reciprocal", 6, kNow, 1, 1, import_unary},
    {"ReduceL1", 1, 17, 1, 1, import_reduce_1},
    {"ReduceL1", 18, kNow, 1, 2, import_reduce_18},
    {"ReduceL2", 1, 17, 1, 1, import_reduce_1},
    {"ReduceL2", 18, kNow, 1, 2, import_reduce_18},
    {"ReduceLogSum", 1, 17, 1, 1, import_reduce_1},
    {"ReduceLogSum", 18, kNow, 1, 2, import_reduce_18},
    {"ReduceLogSumExp", 1, 17, 1, 1, import_reduce_1},
    {"ReduceLogSumExp", 18, kNow, 1, 2, import_reduce_18},
    {"ReduceMax", 1, 17, 1, 1, import_reduce_1},
    {"ReduceMax", 18, kNow, 1, 2, import_reduce_18},
    {"ReduceMean", 1, 17, 1, 1, import_reduce_1},
    {"ReduceMean", 18, kNow, 1, 2, import_reduce_18},
    {"ReduceMin", 1, 17, 1, 1, import_reduce_1},
    {"ReduceMin", 18, kNow, 1, 2, import_reduce_18},
    {"ReduceProd", 1, 17, 1, 1, import_reduce_1},
    {"ReduceProd", 18, kNow, 1, 2, import_reduce_18},
    {"ReduceSum", 1, 12, 1, 1, import_reduce_1},
    {"ReduceSum", 13, kNow, 1, 2, import_reduce_18},
    {"ReduceSumSquare", 1, 17, 1, 1, import_reduce_1},
    {"ReduceSumSquare", 18, kNow, 1, 2, import_reduce_18},
    {"Relu", 6, kNow, 1, 1, import_unary},
    {"Reshape", 5, kNow, 2, 2, import_reshape},
    {"Resize", 10, 10, 2, 2, import_resize_10},
    {"Resize", 11, kNow, 1, 4, import_resize_11},
    {"Round", 11, kNow, 1, 1, import_unary},
    {"Selu", 6, kNow, 1, 1, import_unary},
    {"Shape", 1, kNow, 1, 1, import_shape},
    {"Sigmoid", 6, kNow, 1, 1, import_unary},
    {"Sign", 9, kNow, 1, 1, import_unary},
    {"Sin", 7, kNow, 1, 1, import_unary},
    {"Size", 1, kNow, 1, 1, import_size},
    {"Slice", 1, 9, 1, 1, import_slice_1},
    {"Slice", 10, kNow, 3, 5, import_slice_10},
    {"Softmax", 1, 12, 1, 1, import_softmax_1},
    {"Softmax", 13, kNow, 1, 1, import_softmax_13},
    {"Softplus", 1, kNow, 1, 1, import_unary},
    {"Softsign", 1, kNow, 1, 1, import_unary},
    {"SpaceToDepth", 1, kNow, 1, 1, import_space_to_depth},
    {"Split", 2, kNow, 1, 2, import_split},
    {"Sqrt", 6, kNow, 1, 1, import_unary},
    {"Squeeze", 1, kNow, 1, 2, import_squeeze},
    {"Sub", 7, kNow, 2, 2, import_binary},
    {"Sum", 6, kNow, 1, kAny, import_variadic},
    {"Swish", 24, kNow, 1, 1, import_swish},
    {"Tanh", 6, kNow, 1, 1, import_unary},
    {"Tile", 6, kNow, 2, 2, import_tile},
    {"Transpose", 1, kNow, 1, 1, import_transpose},
    {"Unsqueeze", 1, kNow, 1, 2, import_unsqueeze},
    {"Upsample", 7, 8, 1, 1, import_resize_10},
    {"Upsample", 9, 9, 2, 2, import_resize_10},
    {"Where", 9, kNow, 3, 3, import_where},
    {"Xor", 7, kNow, 2, 2, import_binary},
});

constexpr bool comes_before(const OnnxRow& a, const OnnxRow& b) { return a.name != b.name ? a.name < b.name : a.until < b.since; }
static_assert(std::ranges::adjacent_find(kRows, [](const auto& a, const auto& b) { return !comes_before(a, b); }) == kRows.end(),
              "the rows are sorted and their opsets do not overlap");

}  // namespace

std::span<const OnnxRow> onnx_rows() { return kRows; }

const OnnxRow* find_onnx_row(std::string_view name, int64_t opset) {
  for (auto row = std::ranges::lower_bound(kRows, name, {}, &OnnxRow::name); row != kRows.end() && row->name == name; ++row)
    if (row->since <= opset && opset <= row->until) return row;
  return nullptr;
}

}  // namespace ht
