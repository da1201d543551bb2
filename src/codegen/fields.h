// SPDX-License-Identifier: Apache-2.0
// What the kernels' parameter structs consist of, one description a struct. Every member is shown to a visitor once, in the order of
// declaration:
//
//   visitor.number(name, value)           an integer or a float
//   visitor.numbers(name, array)          an array of numbers in the struct, of one or two dimensions
//   visitor.array(name, pointer, count)   what `count` constants lie behind the pointer, if it is not NULL
//   visitor.elements(name, pointer, bytes, count)   the same behind a void pointer, `bytes` an element
//   visitor.packed(pointer)               what a kernel's pack() wrote
//   visitor.group(name, value, inside)    a struct in the struct; inside(visitor) shows its members
#pragma once

#include "kernels/kernel_list.h"

namespace ht {

#define HT_NUMBER(member) visitor.number(#member, p.member)
#define HT_NUMBERS(member) visitor.numbers(#member, p.member)
#define HT_ARRAY(member, count) visitor.array(#member, p.member, count)
#define HT_GROUP(member, ...) visitor.group(#member, p.member, [&](auto& inner) { fields(p.member __VA_OPT__(, ) __VA_ARGS__, inner); })

template <class V>
void fields(const ht_multiplier& p, int64_t channels, V& visitor) {
  HT_ARRAY(real, channels);
  HT_ARRAY(fixed, channels);
  HT_ARRAY(shift, channels);
}

template <class V>
void fields(const ht_activation& p, V& visitor) {
  HT_NUMBERS(base);
  HT_NUMBERS(slope);
  HT_NUMBERS(curve);
  HT_NUMBER(piece_shift);
  HT_NUMBER(rises);
}

template <class V>
void fields(const ht_epilogue& p, int64_t channels, V& visitor) {
  HT_NUMBER(output);
  HT_NUMBER(policy);
  HT_GROUP(multiplier, channels);
  HT_GROUP(second, channels);
  HT_ARRAY(scale, channels);
  HT_NUMBER(plane);
  HT_ARRAY(zero_point, channels);
  HT_ARRAY(minimum, channels);
  HT_ARRAY(maximum, channels);
  HT_ARRAY(activation, 1);
}

template <class V>
void fields(const ht_output_s16& p, int64_t channels, V& visitor) {
  HT_ARRAY(zero_point, channels);
  HT_ARRAY(minimum, channels);
  HT_ARRAY(maximum, channels);
}

template <class V>
void fields(const ht_broadcast& p, V& visitor) {
  HT_NUMBER(rank);
  HT_NUMBERS(shape);
  HT_NUMBERS(a_stride);
  HT_NUMBERS(b_stride);
  HT_NUMBERS(output_stride);
}

template <class V>
void fields(const ht_resample_axis& p, int64_t positions, V& visitor) {
  HT_NUMBER(taps);
  HT_ARRAY(index, positions * p.taps);
  HT_ARRAY(fixed, positions * p.taps);
  HT_ARRAY(weight, positions * p.taps);
}

// What filters and pools have in common.
template <class P, class V>
void window_fields(const P& p, V& visitor) {
  HT_NUMBER(kernel_height);
  HT_NUMBER(kernel_width);
  HT_NUMBER(stride_height);
  HT_NUMBER(stride_width);
  HT_NUMBER(dilation_height);
  HT_NUMBER(dilation_width);
  HT_NUMBER(pad_top);
  HT_NUMBER(pad_left);
}

template <class P, class V>
void conv_geometry(const P& p, V& visitor) {
  HT_NUMBER(batch);
  HT_NUMBER(input_height);
  HT_NUMBER(input_width);
  HT_NUMBER(input_channels);
  HT_NUMBER(input_stride);
  HT_NUMBER(output_height);
  HT_NUMBER(output_width);
  HT_NUMBER(output_channels);
  HT_NUMBER(output_stride);
  window_fields(p, visitor);
  HT_NUMBER(groups);
}
template <class P>
int64_t conv_depth(const P& p) {
  return int64_t{p.kernel_height} * p.kernel_width * (p.input_channels / p.groups);
}

template <class V>
void fields(const ht_conv_params& p, V& visitor) {
  conv_geometry(p, visitor);
  HT_ARRAY(weights, p.output_channels * conv_depth(p));
  HT_ARRAY(bias, p.output_channels);
  HT_ARRAY(padding, p.input_channels);
  visitor.packed(p.packed);
  HT_GROUP(epilogue, p.output_channels);
}

template <class V>
void fields(const ht_conv_wide_params& p, V& visitor) {
  HT_GROUP(conv);
  HT_ARRAY(weights, p.conv.output_channels * conv_depth(p.conv));
}

template <class V>
void fields(const ht_conv_w4_params& p, V& visitor) {
  const int64_t inputs = p.conv.input_channels / p.conv.groups, blocks = p.block == 0 ? 0 : (inputs + p.block - 1) / p.block;
  HT_GROUP(conv);
  HT_NUMBER(block);
  HT_ARRAY(weights, p.conv.output_channels * ((conv_depth(p.conv) + 1) / 2));
  HT_ARRAY(multiples, p.conv.output_channels * ((p.conv.kernel_height * p.conv.kernel_width * blocks + 1) / 2));
  visitor.packed(p.packed);
}

template <class V>
void fields(const ht_conv_s16_params& p, V& visitor) {
  HT_GROUP(conv);
  HT_ARRAY(bias, p.conv.output_channels);
  HT_ARRAY(padding, p.conv.input_channels);
  HT_GROUP(output, p.conv.output_channels);
  visitor.packed(p.packed);
}

template <class P, class V>
void depthwise_geometry(const P& p, V& visitor) {
  HT_NUMBER(batch);
  HT_NUMBER(input_height);
  HT_NUMBER(input_width);
  HT_NUMBER(input_channels);
  HT_NUMBER(input_stride);
  HT_NUMBER(output_height);
  HT_NUMBER(output_width);
  HT_NUMBER(output_stride);
  HT_NUMBER(channel_multiplier);
  window_fields(p, visitor);
}
template <class P>
int64_t depthwise_outputs(const P& p) {
  return int64_t{p.input_channels} * p.channel_multiplier;
}

template <class V>
void fields(const ht_depthwise_params& p, V& visitor) {
  const int64_t outputs = depthwise_outputs(p);
  depthwise_geometry(p, visitor);
  HT_ARRAY(weights, p.kernel_height * p.kernel_width * outputs);
  HT_ARRAY(bias, outputs);
  HT_ARRAY(padding, p.input_channels);
  visitor.packed(p.packed);
  HT_GROUP(epilogue, outputs);
}

template <class V>
void fields(const ht_depthwise_s16_params& p, V& visitor) {
  const int64_t outputs = depthwise_outputs(p.depthwise);
  HT_GROUP(depthwise);
  HT_ARRAY(bias, outputs);
  HT_ARRAY(padding, p.depthwise.input_channels);
  HT_GROUP(output, outputs);
}

template <class P, class V>
void gemm_geometry(const P& p, V& visitor) {
  HT_NUMBER(batch);
  HT_NUMBER(rows);
  HT_NUMBER(columns);
  HT_NUMBER(depth);
  HT_NUMBER(a_stride);
  HT_NUMBER(b_stride);
  HT_NUMBER(output_stride);
  HT_NUMBER(a_batch_stride);
  HT_NUMBER(b_batch_stride);
  HT_NUMBER(output_batch_stride);
}
// From the first element of the second operand to the last one that is read.
template <class P>
int64_t gemm_weights(const P& p) {
  return int64_t{p.batch - 1} * p.b_batch_stride + int64_t{p.columns - 1} * p.b_stride + p.depth;
}

template <class V>
void fields(const ht_gemm_params& p, V& visitor) {
  gemm_geometry(p, visitor);
  HT_NUMBER(a_zero_point);
  HT_NUMBER(b_zero_point);
  HT_ARRAY(weights, gemm_weights(p));
  HT_ARRAY(bias, p.columns);
  HT_GROUP(epilogue, p.columns);
}

template <class P, class V>
void pool_geometry(const P& p, V& visitor) {
  HT_NUMBER(kind);
  HT_NUMBER(batch);
  HT_NUMBER(input_height);
  HT_NUMBER(input_width);
  HT_NUMBER(channels);
  HT_NUMBER(input_stride);
  HT_NUMBER(output_height);
  HT_NUMBER(output_width);
  HT_NUMBER(output_stride);
  window_fields(p, visitor);
  HT_NUMBER(pad_bottom);
  HT_NUMBER(pad_right);
  HT_NUMBER(count_padding);
}

template <class V>
void fields(const ht_pool_params& p, V& visitor) {
  const int64_t channels = p.channel_step ? p.channels : 1;
  pool_geometry(p, visitor);
  HT_NUMBER(channel_step);
  HT_ARRAY(input_zero_point, channels);
  HT_GROUP(epilogue, channels);
}

template <class V>
void fields(const ht_pool_f32_params& p, V& visitor) {
  pool_geometry(p, visitor);
}

template <class V>
void fields(const ht_binary_params& p, V& visitor) {
  const int64_t channels = p.channel_step ? p.shape.shape[p.shape.rank - 1] : 1;
  HT_NUMBER(kind);
  HT_NUMBER(policy);
  HT_GROUP(shape);
  HT_NUMBER(channel_step);
  HT_ARRAY(a_ratio, channels);
  HT_ARRAY(b_ratio, channels);
  HT_ARRAY(a_fixed, channels);
  HT_ARRAY(b_fixed, channels);
  HT_ARRAY(shift, channels);
  HT_ARRAY(a_zero_point, channels);
  HT_ARRAY(b_zero_point, channels);
  HT_ARRAY(output_zero_point, channels);
}

template <class V>
void fields(const ht_table_params& p, V& visitor) {
  HT_NUMBER(rows);
  HT_NUMBER(channels);
  HT_NUMBER(input_stride);
  HT_NUMBER(output_stride);
  HT_NUMBER(table_step);
  HT_ARRAY(table, p.table_step ? int64_t{p.channels} * p.table_step : 256);
}

template <class V>
void fields(const ht_convert_params& p, V& visitor) {
  const int64_t channels = p.channel_step ? p.channels : 1;
  HT_NUMBER(rows);
  HT_NUMBER(channels);
  HT_NUMBER(input_stride);
  HT_NUMBER(output_stride);
  HT_NUMBER(channel_step);
  HT_NUMBER(plane);
  HT_ARRAY(scale, channels);
  HT_ARRAY(zero_point, channels);
}

template <class V>
void fields(const ht_convert_s16_params& p, V& visitor) {
  HT_GROUP(convert);
  HT_ARRAY(zero_point, p.convert.channel_step ? p.convert.channels : 1);
}

template <class V>
void fields(const ht_copy_params& p, V& visitor) {
  HT_NUMBER(element_bytes);
  HT_NUMBER(rank);
  HT_NUMBERS(shape);
  HT_NUMBERS(input_stride);
  HT_NUMBERS(output_stride);
  HT_NUMBER(input_offset);
  HT_NUMBER(output_offset);
}

template <class V>
void fields(const ht_fill_params& p, V& visitor) {
  HT_NUMBER(element_bytes);
  HT_NUMBER(rank);
  HT_NUMBERS(shape);
  HT_NUMBERS(output_stride);
  HT_NUMBER(output_offset);
  HT_NUMBER(channel_step);
  const int64_t count = p.channel_step ? int64_t{p.shape[p.rank - 1] - 1} * p.channel_step + 1 : 1;
  visitor.elements("values", p.values, p.element_bytes, count);
}

template <class V>
void fields(const ht_gather_params& p, V& visitor) {
  HT_NUMBER(element_bytes);
  HT_NUMBER(outer);
  HT_NUMBER(axis);
  HT_NUMBER(count);
  HT_NUMBER(inner);
  HT_ARRAY(indices, p.count);
}

template <class V>
void fields(const ht_resample_params& p, V& visitor) {
  HT_NUMBER(batch);
  HT_NUMBER(input_height);
  HT_NUMBER(input_width);
  HT_NUMBER(channels);
  HT_NUMBER(input_stride);
  HT_NUMBER(output_height);
  HT_NUMBER(output_width);
  HT_NUMBER(output_stride);
  HT_GROUP(y, p.output_height);
  HT_GROUP(x, p.output_width);
}

template <class V>
void fields(const ht_softmax_params& p, V& visitor) {
  HT_NUMBER(outer);
  HT_NUMBER(n);
  HT_NUMBER(inner);
  HT_ARRAY(exponentials, 256);
  HT_NUMBER(output_bits);
  HT_NUMBER(output_zero_point);
}

template <class V>
void fields(const ht_softmax_f32_params& p, V& visitor) {
  HT_NUMBER(outer);
  HT_NUMBER(n);
  HT_NUMBER(inner);
  HT_NUMBER(logarithm);
}

template <class V>
void fields(const ht_conv_f32_params& p, V& visitor) {
  conv_geometry(p, visitor);
  HT_ARRAY(weights, p.output_channels * conv_depth(p));
  HT_ARRAY(bias, p.output_channels);
  visitor.packed(p.packed);
  HT_NUMBER(minimum);
  HT_NUMBER(maximum);
}

template <class V>
void fields(const ht_depthwise_f32_params& p, V& visitor) {
  depthwise_geometry(p, visitor);
  HT_ARRAY(weights, p.kernel_height * p.kernel_width * depthwise_outputs(p));
  HT_ARRAY(bias, depthwise_outputs(p));
  HT_NUMBER(minimum);
  HT_NUMBER(maximum);
}

template <class V>
void fields(const ht_gemm_f32_params& p, V& visitor) {
  gemm_geometry(p, visitor);
  HT_NUMBER(alpha);
  HT_NUMBER(beta);
  HT_ARRAY(weights, gemm_weights(p));
  HT_ARRAY(bias, p.columns);
}

template <class V>
void fields(const ht_unary_f32_params& p, V& visitor) {
  HT_NUMBER(kind);
  HT_NUMBER(count);
  HT_NUMBER(alpha);
  HT_NUMBER(beta);
}

template <class V>
void fields(const ht_binary_f32_params& p, V& visitor) {
  HT_NUMBER(kind);
  HT_GROUP(shape);
}

template <class V>
void fields(const ht_reduce_f32_params& p, V& visitor) {
  HT_NUMBER(kind);
  HT_NUMBER(outer);
  HT_NUMBER(n);
  HT_NUMBER(inner);
}

template <class V>
void fields(const ht_binary_int_params& p, V& visitor) {
  HT_NUMBER(kind);
  HT_NUMBER(type);
  HT_GROUP(shape);
}

template <class V>
void fields(const ht_compare_f32_params& p, V& visitor) {
  HT_NUMBER(kind);
  HT_GROUP(shape);
}

template <class V>
void fields(const ht_unary_int_params& p, V& visitor) {
  HT_NUMBER(kind);
  HT_NUMBER(type);
  HT_NUMBER(count);
  HT_NUMBER(low);
  HT_NUMBER(high);
}

template <class V>
void fields(const ht_cast_params& p, V& visitor) {
  HT_NUMBER(from);
  HT_NUMBER(to);
  HT_NUMBER(count);
}

template <class V>
void fields(const ht_select_params& p, V& visitor) {
  HT_NUMBER(element_bytes);
  HT_NUMBER(rank);
  HT_NUMBERS(shape);
  HT_NUMBERS(stride);
  HT_NUMBERS(output_stride);
}

template <class V>
void fields(const ht_reduce_int_params& p, V& visitor) {
  HT_NUMBER(kind);
  HT_NUMBER(type);
  HT_NUMBER(outer);
  HT_NUMBER(n);
  HT_NUMBER(inner);
}

template <class V>
void fields(const ht_positions_params& p, V& visitor) {
  HT_NUMBER(index_bytes);
  HT_NUMBER(rank);
  HT_NUMBERS(shape);
  HT_NUMBERS(own_stride);
  HT_NUMBER(depth);
  HT_NUMBERS(size);
  HT_NUMBERS(stride);
}

template <class V>
void fields(const ht_take_params& p, V& visitor) {
  HT_NUMBER(element_bytes);
  HT_NUMBER(outer);
  HT_NUMBER(outer_stride);
  HT_NUMBER(count);
  HT_NUMBER(inner);
}

template <class V>
void fields(const ht_put_params& p, V& visitor) {
  HT_NUMBER(reduction);
  HT_NUMBER(type);
  HT_NUMBER(count);
  HT_NUMBER(inner);
}

template <class V>
void fields(const ht_argmax_params& p, V& visitor) {
  HT_NUMBER(type);
  HT_NUMBER(outer);
  HT_NUMBER(n);
  HT_NUMBER(inner);
  HT_NUMBER(smallest);
  HT_NUMBER(last);
}

template <class V>
void fields(const ht_topk_params& p, V& visitor) {
  HT_NUMBER(type);
  HT_NUMBER(outer);
  HT_NUMBER(n);
  HT_NUMBER(inner);
  HT_NUMBER(k);
  HT_NUMBER(smallest);
}

template <class V>
void fields(const ht_cumulative_params& p, V& visitor) {
  HT_NUMBER(product);
  HT_NUMBER(type);
  HT_NUMBER(outer);
  HT_NUMBER(n);
  HT_NUMBER(inner);
  HT_NUMBER(exclusive);
  HT_NUMBER(reverse);
}

template <class V>
void fields(const ht_normalize_f32_params& p, V& visitor) {
  HT_NUMBER(rows);
  HT_NUMBER(n);
  HT_NUMBER(subtract_mean);
  HT_NUMBER(epsilon);
}

template <class V>
void fields(const ht_sample_f32_params& p, V& visitor) {
  HT_NUMBER(mode);
  HT_NUMBER(padding);
  HT_NUMBER(align_corners);
  HT_NUMBER(batch);
  HT_NUMBER(input_height);
  HT_NUMBER(input_width);
  HT_NUMBER(channels);
  HT_NUMBER(output_height);
  HT_NUMBER(output_width);
}

template <class V>
void fields(const ht_roi_align_f32_params& p, V& visitor) {
  HT_NUMBER(index_type);
  HT_NUMBER(maximum);
  HT_NUMBER(half_pixel);
  HT_NUMBER(samples);
  HT_NUMBER(scale);
  HT_NUMBER(batch);
  HT_NUMBER(input_height);
  HT_NUMBER(input_width);
  HT_NUMBER(channels);
  HT_NUMBER(regions);
  HT_NUMBER(output_height);
  HT_NUMBER(output_width);
}

#undef HT_NUMBER
#undef HT_NUMBERS
#undef HT_ARRAY
#undef HT_GROUP

}  // namespace ht
