// SPDX-License-Identifier: Apache-2.0
// The walk over the output of a depthwise convolution with Helium instructions: for each pixel a list of where its taps lie, then its
// channels by eight. Whoever includes this says by HT_DEPTHWISE_SUMS (0 or 1) whether an epilogue follows that needs sums.
#ifndef HT_DEPTHWISE_WALK_MVE_H
#define HT_DEPTHWISE_WALK_MVE_H

#include "kernels/cortex_m/ht_depthwise_mve.h"
#include "kernels/cortex_m/ht_packed_mve.h"
#if HT_DEPTHWISE_SUMS
#include "kernels/cortex_m/ht_finish_sums.h"
#endif

#if HT_DEPTHWISE_SUMS
typedef int32_t ht_eight_output;
#else
typedef int8_t ht_eight_output;
#endif

static inline int32_t ht_taps(const ht_depthwise_params* p) { return p->kernel_height * p->kernel_width; }

#if HT_MVE

HT_BEGIN_NAKED

// Adds products of r4's tap (q2) or of r4's and r5's (q2 + q4), eight in 16 bits, to the sums of even (q0) and odd channels (q1).
#define HT_WIDEN_AND_ADD     \
  "vmovlb.s16 q3, q2\n"      \
  "vmovlt.s16 q2, q2\n"      \
  "vadd.i32 q0, q0, q3\n"    \
  "vadd.i32 q1, q1, q2\n"

#if HT_DEPTHWISE_SUMS
#define HT_EIGHT_FINISH            \
  "vst20.32 {q0, q1}, [r3]\n"      \
  "vst21.32 {q0, q1}, [r3]!\n"
#else
#define HT_EIGHT_FINISH            \
  "vldrw.32 q2, [r2, #32]\n"       \
  "vldrw.32 q3, [r2, #48]\n"       \
  "vldrw.32 q4, [r2, #64]\n"       \
  "vldrw.32 q5, [r2, #80]\n"       \
  "vshl.s32 q0, r10\n"             \
  "vshl.s32 q1, r10\n"             \
  "vmulh.s32 q0, q0, q2\n"         \
  "vmulh.s32 q1, q1, q3\n"         \
  "vrshl.s32 q0, q0, q4\n"         \
  "vrshl.s32 q1, q1, q5\n"         \
  "vqmovnb.s32 q2, q0\n"           \
  "vqmovnt.s32 q2, q1\n"           \
  "vldrb.s16 q3, [r2, #96]\n"      \
  "vldrb.s16 q4, [r2, #104]\n"     \
  "vldrb.s16 q5, [r2, #112]\n"     \
  "vqadd.s16 q2, q2, q3\n"         \
  "vmax.s16 q2, q2, q4\n"          \
  "vmin.s16 q2, q2, q5\n"          \
  "vstrb.16 q2, [r3], #8\n"
#endif

// `count` (at least one) times eight channels of one pixel. The taps go on by as many bytes.
//
// Frame: q4 and q5; nine saved registers; count, number of taps, lift.
HT_NAKED void ht_eight_channels(const int8_t** taps, const int8_t* w, const ht_eight_mve* channels,
                                                               ht_eight_output* output, int32_t count, int32_t number, int32_t lift) {
  __asm__(
      ".syntax unified\n"
      "push {r4-r11, lr}\n"
      "vpush {d8-d11}\n"
      "ldrd r7, r9, [sp, #68]\n"
      "ldr r10, [sp, #76]\n"
      "mov r6, r0\n"
      "lsr r8, r9, #1\n"
      "1:\n"
      "mov r0, r6\n"
      "vldrw.32 q0, [r2]\n"
      "vldrw.32 q1, [r2, #16]\n"
      "wls lr, r8, 3f\n"
      "2:\n"
      "ldrd r4, r5, [r0]\n"
      "vldrb.s16 q2, [r4], #8\n"
      "vldrb.s16 q3, [r1], #8\n"
      "vmul.i16 q2, q2, q3\n"
      "vldrb.s16 q4, [r5], #8\n"
      "vldrb.s16 q5, [r1], #8\n"
      "vmul.i16 q4, q4, q5\n"
      "strd r4, r5, [r0], #8\n"
      "vadd.i16 q2, q2, q4\n" HT_WIDEN_AND_ADD
      "le lr, 2b\n"
      "3:\n"
      "tst r9, #1\n"
      "beq 4f\n"
      "ldr r4, [r0]\n"
      "vldrb.s16 q2, [r4], #8\n"
      "vldrb.s16 q3, [r1], #8\n"
      "vmul.i16 q2, q2, q3\n"
      "str r4, [r0]\n" HT_WIDEN_AND_ADD
      "4:\n" HT_EIGHT_FINISH
      "subs r7, r7, #1\n"
      "add r2, r2, #120\n"
      "bne 1b\n"
      "vpop {d8-d11}\n"
      "pop {r4-r11, pc}\n");
}

HT_END_NAKED

#else

static inline ht_eight_output ht_eight_value(const ht_eight_mve* channels, int32_t lane, int32_t sum, int32_t lift) {
#if HT_DEPTHWISE_SUMS
  (void)channels, (void)lane, (void)lift;
  return sum;
#else
  const int32_t at = lane / 2, odd = lane % 2;
  return ht_requantize_fixed_mve(sum, lift, channels->multiplier[odd][at], channels->shift[odd][at], channels->zero_point[lane],
                                 channels->minimum[lane], channels->maximum[lane]);
#endif
}

static inline void ht_eight_channels(const int8_t** taps, const int8_t* w, const ht_eight_mve* channels, ht_eight_output* output,
                                     int32_t count, int32_t number, int32_t lift) {
  for (int32_t i = 0; i < count; ++i, ++channels, w += 8 * number, output += 8) {
    for (int32_t lane = 0; lane < 8; ++lane) {
      int32_t sum = channels->bias[lane % 2][lane / 2];
      for (int32_t t = 0; t < number; ++t) sum += taps[t][lane] * w[8 * t + lane];
      output[lane] = ht_eight_value(channels, lane, sum, lift);
    }
    for (int32_t t = 0; t < number; ++t) taps[t] += 8;
  }
}

#endif

// Whether no tap of a pixel lies outside.
static inline bool ht_rows_inside(const ht_depthwise_params* p, int32_t oy) {
  const int32_t y = oy * p->stride_height - p->pad_top;
  return y >= 0 && y + (p->kernel_height - 1) * p->dilation_height < p->input_height;
}
static inline bool ht_columns_inside(const ht_depthwise_params* p, int32_t ox) {
  const int32_t x = ox * p->stride_width - p->pad_left;
  return x >= 0 && x + (p->kernel_width - 1) * p->dilation_width < p->input_width;
}

static inline void ht_find_taps(const ht_depthwise_params* p, const int8_t* image, int32_t oy, int32_t ox, const int8_t** taps) {
  const int32_t x = ox * p->stride_width - p->pad_left, width = p->kernel_width, dilation = p->dilation_width;
  const int32_t input_width = p->input_width;
  const int8_t* padding = p->padding;
  const ptrdiff_t step = (ptrdiff_t)dilation * p->input_stride;
  int32_t y = oy * p->stride_height - p->pad_top;
  for (int32_t ky = 0; ky < p->kernel_height; ++ky, y += p->dilation_height) {
    if (y < 0 || y >= p->input_height) {
      for (int32_t kx = 0; kx < width; ++kx) *taps++ = padding;
      continue;
    }
    const int8_t* row = image + (ptrdiff_t)y * input_width * p->input_stride;
    ptrdiff_t at = (ptrdiff_t)x * p->input_stride;
    for (int32_t ix = x; ix < x + width * dilation; ix += dilation, at += step)
      *taps++ = (uint32_t)ix < (uint32_t)input_width ? row + at : padding;
  }
}

// What stays the same for all pixels.
typedef struct ht_eights {
  const ht_depthwise_params* params;
  const ht_eight_mve* channels;
  const int8_t* weights;
  int32_t number, whole, rest, lift;  // taps; channels by eight and beyond
  ptrdiff_t next;                     // from where a pixel leaves its taps to those of the next one
  const int8_t** taps;
} ht_eights;

static inline ht_eights ht_find_eights(const ht_depthwise_params* p, void* scratch) {
  const int32_t whole = p->input_channels / 8, rest = p->input_channels % 8;
  const ht_eight_mve* channels = ht_eights_of(p->packed);
  const ht_eights eights = {p,
                            channels,
                            (const int8_t*)(channels + whole + (rest != 0)),
                            ht_taps(p),
                            whole,
                            rest,
                            ((const ht_layer_mve*)p->packed)->lift,
                            (ptrdiff_t)p->stride_width * p->input_stride - p->input_channels,
                            (const int8_t**)scratch};
  return eights;
}

static inline void ht_move_taps(const ht_eights* e, ptrdiff_t by) {
  for (int32_t t = 0; t < e->number; ++t) e->taps[t] += by;
}

// All channels of a pixel whose taps have been found; they go on by as many bytes.
static inline void ht_depthwise_pixel(const ht_eights* e, ht_eight_output* output) {
  ht_eight_channels(e->taps, e->weights, e->channels, output, e->whole, e->number, e->lift);
  if (e->rest == 0) return;
  ht_move_taps(e, e->rest - 8);
  ht_eight_channels(e->taps, e->weights + (ptrdiff_t)(8 * e->whole) * e->number, e->channels + e->whole,
                    output + e->params->input_channels - 8, 1, e->number, e->lift);
}

// Scratch: where sums are asked for those of a pixel; the list of taps, on hosts with larger pointers.
static inline size_t ht_depthwise_walk_scratch(const ht_depthwise_params* p) {
  const size_t sums = HT_DEPTHWISE_SUMS ? (size_t)p->input_channels * sizeof(int32_t) : 0;
  return (size_t)ht_taps(p) * sizeof(const int8_t*) + sums;
}

static inline void ht_depthwise_rows(const ht_depthwise_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  const size_t image_bytes = (size_t)p->input_height * (size_t)p->input_width * (size_t)p->input_stride;
  const ht_eights eights = ht_find_eights(p, a->scratch);
  size_t at = (size_t)begin * (size_t)p->output_width * (size_t)p->output_stride;
  for (int32_t row = begin; row < end; ++row) {
    const int8_t* image = (const int8_t*)a->inputs[0] + (size_t)(row / p->output_height) * image_bytes;
    const int32_t oy = row % p->output_height;
    const bool rows_inside = ht_rows_inside(p, oy);
    bool follows = false;  // a pixel that was inside, whose taps are only to be moved
    for (int32_t ox = 0; ox < p->output_width; ++ox, at += (size_t)p->output_stride) {
      const bool inside = rows_inside && ht_columns_inside(p, ox);
      if (!inside || !follows) {
        ht_find_taps(p, image, oy, ox, eights.taps);
      } else if (eights.next != 0) {
        ht_move_taps(&eights, eights.next);
      }
      follows = inside;
#if HT_DEPTHWISE_SUMS
      int32_t* sums = (int32_t*)(eights.taps + eights.number);
      ht_depthwise_pixel(&eights, sums);
      ht_finish_sums(&p->epilogue, p->packed, p->input_channels, 0, p->input_channels, sums, a->output, at);
#else
      ht_depthwise_pixel(&eights, (int8_t*)a->output + at);
#endif
    }
  }
}

#endif
