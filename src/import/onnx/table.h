// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "import/onnx/import_node.h"

namespace ht {

inline constexpr int64_t kOldestOpset = 7, kNewestOpset = 28;
// ONNX Runtime's own operators, which its quantizer writes; their opset is 1.
inline constexpr std::string_view kMicrosoftDomain = "com.microsoft";

// How one operator of ONNX, in the opsets since..until, becomes nodes of the graph. Rows of another domain hold for every opset.
struct OnnxRow {
  std::string_view name;
  int64_t since, until;
  size_t min_inputs, max_inputs;
  Status (*convert)(ImportNode&);
};

// ONNX's own, sorted by name, then opset.
std::span<const OnnxRow> onnx_rows();
// Of ONNX's own operators (an empty domain) or ONNX Runtime's; `opset` is always the one of ONNX's own.
const OnnxRow* find_onnx_row(std::string_view domain, std::string_view name, int64_t opset);

// The converters, by the file that holds them.
Status import_unary(ImportNode& node);  // elementwise.cpp
Status import_binary(ImportNode& node);
Status import_variadic(ImportNode& node);
Status import_gelu(ImportNode& node);
Status import_swish(ImportNode& node);
Status import_mod(ImportNode& node);
Status import_clip_6(ImportNode& node);
Status import_clip_11(ImportNode& node);
Status import_pow(ImportNode& node);
Status import_is_nan(ImportNode& node);
Status import_is_inf(ImportNode& node);
Status import_thresholded_relu(ImportNode& node);
Status import_shrink(ImportNode& node);
Status import_where(ImportNode& node);
Status import_cast(ImportNode& node);
Status import_cast_like(ImportNode& node);
Result<Conv> read_conv(ImportNode& node);  // convolution.cpp
Status import_conv(ImportNode& node);
Status import_pool(ImportNode& node);
Status import_global_pool(ImportNode& node);
Status import_lp_pool(ImportNode& node);
Status import_global_lp_pool(ImportNode& node);
Status import_gemm(ImportNode& node);
Status import_matmul(ImportNode& node);
Status import_batch_normalization(ImportNode& node);
Status import_conv_transpose(ImportNode& node);  // convolution_transpose.cpp
Status import_einsum(ImportNode& node);  // einsum.cpp
Status import_constant(ImportNode& node);  // constants.cpp
Status import_constant_of_shape(ImportNode& node);
Status import_shape(ImportNode& node);
Status import_size(ImportNode& node);
Status import_range(ImportNode& node);
Status import_eye_like(ImportNode& node);
Status import_if(ImportNode& node);
Status import_identity(ImportNode& node);
Status import_dropout(ImportNode& node);
Status import_reshape(ImportNode& node);  // shape.cpp
Status import_flatten(ImportNode& node);
Status import_squeeze(ImportNode& node);
Status import_unsqueeze(ImportNode& node);
Status import_transpose(ImportNode& node);
Status import_expand(ImportNode& node);
Status import_tile(ImportNode& node);
Status import_depth_to_space(ImportNode& node);
Status import_space_to_depth(ImportNode& node);
Status import_concat(ImportNode& node);  // slice.cpp
Status import_slice_1(ImportNode& node);
Status import_slice_10(ImportNode& node);
Status import_split(ImportNode& node);
Status import_gather(ImportNode& node);
Status import_pad_2(ImportNode& node);
Status import_pad_11(ImportNode& node);
Status import_arg_extreme(ImportNode& node);  // indexing.cpp
Status import_top_k_1(ImportNode& node);
Status import_top_k_10(ImportNode& node);
Status import_cum_sum(ImportNode& node);
Status import_cum_prod(ImportNode& node);
Status import_gather_elements(ImportNode& node);
Status import_gather_nd(ImportNode& node);
Status import_scatter_elements(ImportNode& node);
Status import_scatter_nd(ImportNode& node);
Status import_compress(ImportNode& node);
Status import_non_zero(ImportNode& node);
Status import_hardmax(ImportNode& node);
Status import_one_hot(ImportNode& node);
Status import_trilu(ImportNode& node);
Status import_non_max_suppression(ImportNode& node);  // non_max_suppression.cpp
Status import_instance_normalization(ImportNode& node);  // normalization.cpp
Status import_group_normalization(ImportNode& node);
Status import_layer_normalization(ImportNode& node);
Status import_rms_normalization(ImportNode& node);
Status import_lp_normalization(ImportNode& node);
Status import_mean_variance_normalization(ImportNode& node);
Status import_lrn(ImportNode& node);
Status import_grid_sample(ImportNode& node);  // resize.cpp
Status import_roi_align(ImportNode& node);
Status import_resize_10(ImportNode& node);    // Upsample too
Status import_resize_11(ImportNode& node);
Status import_softmax_1(ImportNode& node);  // reduce.cpp
Status import_softmax_13(ImportNode& node);
Status import_reduce_1(ImportNode& node);
Status import_reduce_18(ImportNode& node);
Status import_quantize(ImportNode& node);  // quantization.cpp
Status import_dequantize(ImportNode& node);
Status import_mul(ImportNode& node);
Status import_qlinear_function(ImportNode& node);  // qlinear.cpp
Status import_qlinear_pool(ImportNode& node);
Status import_qlinear_softmax(ImportNode& node);
Status import_qlinear_binary(ImportNode& node);
Status import_qlinear_concat(ImportNode& node);
Status import_qlinear_where(ImportNode& node);
Status import_qlinear_conv(ImportNode& node);
Status import_qlinear_matmul(ImportNode& node);
Status import_qgemm(ImportNode& node);
Status import_dynamic_quantize(ImportNode& node);  // integer_products.cpp
Status import_conv_integer(ImportNode& node);
Status import_matmul_integer(ImportNode& node);

}  // namespace ht
