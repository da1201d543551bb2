// SPDX-License-Identifier: Apache-2.0
#include "ht_copy.h"

// One function a width; a row whose elements are adjacent on both sides is left to the compiler's block copy.
#define HT_DEFINE_MOVES(type)                                                                                        \
  static void copy_row_##type(const void* from, ptrdiff_t from_at, ptrdiff_t from_stride, void* to, ptrdiff_t to_at, \
                              ptrdiff_t to_stride, int32_t count) {                                                  \
    const type* HT_RESTRICT in = (const type*)from + from_at;                                                        \
    type* HT_RESTRICT out = (type*)to + to_at;                                                                       \
    if (from_stride == 1 && to_stride == 1) {                                                                        \
      for (int32_t i = 0; i < count; ++i) out[i] = in[i];                                                            \
    } else {                                                                                                         \
      for (int32_t i = 0; i < count; ++i) out[i * to_stride] = in[i * from_stride];                                  \
    }                                                                                                                \
  }

HT_DEFINE_MOVES(uint8_t)
HT_DEFINE_MOVES(uint16_t)
HT_DEFINE_MOVES(uint32_t)
HT_DEFINE_MOVES(uint64_t)

static void copy_row(int32_t bytes, const void* from, ptrdiff_t from_at, ptrdiff_t from_stride, void* to, ptrdiff_t to_at,
                     ptrdiff_t to_stride, int32_t count) {
  if (bytes == 1) {
    copy_row_uint8_t(from, from_at, from_stride, to, to_at, to_stride, count);
  } else if (bytes == 2) {
    copy_row_uint16_t(from, from_at, from_stride, to, to_at, to_stride, count);
  } else if (bytes == 4) {
    copy_row_uint32_t(from, from_at, from_stride, to, to_at, to_stride, count);
  } else {
    copy_row_uint64_t(from, from_at, from_stride, to, to_at, to_stride, count);
  }
}

static ptrdiff_t offset_of_row(int32_t row, int32_t rank, const int32_t* shape, const int32_t* stride) {
  ptrdiff_t offset = 0;
  for (int32_t i = rank - 2; i >= 0; --i) {
    offset += (ptrdiff_t)(row % shape[i]) * stride[i];
    row /= shape[i];
  }
  return offset;
}

void HT_FN(ht_copy)(const ht_copy_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  const int32_t last = p->rank - 1, count = p->shape[last];
  const int32_t run = last > 0 ? p->shape[last - 1] : 1;
  const ptrdiff_t in_row = last > 0 ? p->input_stride[last - 1] : 0, out_row = last > 0 ? p->output_stride[last - 1] : 0;
  const ptrdiff_t in_step = p->input_stride[last], out_step = p->output_stride[last];
  for (int32_t row = begin; row < end;) {
    const int32_t left = run - row % run, rows = end - row < left ? end - row : left;
    const ptrdiff_t in = p->input_offset + offset_of_row(row, p->rank, p->shape, p->input_stride);
    const ptrdiff_t out = p->output_offset + offset_of_row(row, p->rank, p->shape, p->output_stride);
    if (count < rows && !(in_step == 1 && out_step == 1)) {  // short and scattered rows: down the columns
      for (int32_t i = 0; i < count; ++i)
        copy_row(p->element_bytes, a->inputs[0], in + i * in_step, in_row, a->output, out + i * out_step, out_row, rows);
    } else {
      for (int32_t i = 0; i < rows; ++i)
        copy_row(p->element_bytes, a->inputs[0], in + i * in_row, in_step, a->output, out + i * out_row, out_step, count);
    }
    row += rows;
  }
}

void HT_FN(ht_fill)(const ht_fill_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  const int32_t last = p->rank - 1;
  for (int32_t row = begin; row < end; ++row)
    copy_row(p->element_bytes, p->values, 0, p->channel_step, a->output,
             p->output_offset + offset_of_row(row, p->rank, p->shape, p->output_stride), p->output_stride[last], p->shape[last]);
}

static inline int32_t place(int32_t index, int32_t axis) {
  index = index < 0 ? index + axis : index;
  return index < 0 ? 0 : (index >= axis ? axis - 1 : index);
}

// Single bytes, as a shuffle of channels moves them: elements [begin, end) of a row.
static void gather_bytes(const uint8_t* HT_RESTRICT from, const int32_t* indices, int32_t axis, int32_t begin, int32_t end,
                         uint8_t* HT_RESTRICT to) {
  for (int32_t i = begin; i < end; ++i) to[i] = from[place(indices[i], axis)];
}

void HT_FN(ht_gather)(const ht_gather_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  const int32_t* indices = p->indices ? p->indices : (const int32_t*)a->inputs[1];
  for (int32_t unit = begin; unit < end;) {
    const int32_t first = unit % p->count, rest = p->count - first;
    const int32_t last = first + (end - unit < rest ? end - unit : rest);
    const ptrdiff_t from = (ptrdiff_t)(unit / p->count) * p->axis, to = (ptrdiff_t)(unit - first);
    if (p->inner == 1 && p->element_bytes == 1) {
      gather_bytes((const uint8_t*)a->inputs[0] + from, indices, p->axis, first, last, (uint8_t*)a->output + to);
    } else {
      for (int32_t i = first; i < last; ++i)
        copy_row(p->element_bytes, a->inputs[0], (from + place(indices[i], p->axis)) * p->inner, 1, a->output, (to + i) * p->inner, 1,
                 p->inner);
    }
    unit += last - first;
  }
}
