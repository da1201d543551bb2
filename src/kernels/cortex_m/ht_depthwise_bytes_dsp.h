// SPDX-License-Identifier: Apache-2.0
// Depthwise convolutions with DSP instructions whose outputs are bytes under FIXED_SINGLE: filters of three by three two pixels at a time.
#ifndef HT_DEPTHWISE_BYTES_DSP_H
#define HT_DEPTHWISE_BYTES_DSP_H

#define HT_DEPTHWISE_SUMS 0
#include "kernels/cortex_m/ht_depthwise_walk_dsp.h"

#if HT_DSP

// Sums of channels 0, 2, 1, 3: r6 to r9 of a first pixel; r10, r11, r12, lr of a second one, whose columns lie two on.
#define HT_TWO_PIXELS_TWO_ROWS(at) \
  "ldrd r2, r3, [r1, #" at         \
  "]\n"                            \
  "ldrd r4, r5, [r0, #" at         \
  "]\n"                            \
  "smlad r6, r2, r4, r6\n"         \
  "smlad r7, r3, r5, r7\n"         \
  "ldrd r4, r5, [r0, #" at         \
  " + 48]\n"                       \
  "smlad r10, r2, r4, r10\n"       \
  "smlad r11, r3, r5, r11\n"       \
  "ldrd r2, r3, [r1, #" at         \
  " + 8]\n"                        \
  "ldrd r4, r5, [r0, #" at         \
  " + 8]\n"                        \
  "smlad r8, r2, r4, r8\n"         \
  "smlad r9, r3, r5, r9\n"         \
  "ldrd r4, r5, [r0, #" at         \
  " + 8 + 48]\n"                   \
  "smlad r12, r2, r4, r12\n"       \
  "smlad lr, r3, r5, lr\n"

#define HT_TWO_PIXELS_LAST_ROW(at) \
  "ldrd r2, r3, [r1, #" at         \
  "]\n"                            \
  "ldrd r4, r5, [r0, #" at         \
  "]\n"                            \
  "smlabb r6, r2, r4, r6\n"        \
  "smlatt r7, r2, r4, r7\n"        \
  "smlabb r8, r3, r5, r8\n"        \
  "smlatt r9, r3, r5, r9\n"        \
  "ldrd r4, r5, [r0, #" at         \
  " + 48]\n"                       \
  "smlabb r10, r2, r4, r10\n"      \
  "smlatt r11, r2, r4, r11\n"      \
  "smlabb r12, r3, r5, r12\n"      \
  "smlatt lr, r3, r5, lr\n"

#define HT_TWO_PIXELS_COLUMN(at) HT_TWO_PIXELS_TWO_ROWS(at) HT_TWO_PIXELS_LAST_ROW(at " + 16")

#define HT_ONE_PIXEL_COLUMN(at)      \
  "ldrd r2, r3, [r1, #" at "]\n"     \
  "ldrd r4, r5, [r0, #" at "]\n"     \
  "smlad r6, r2, r4, r6\n"           \
  "smlad r7, r3, r5, r7\n"           \
  "ldrd r2, r3, [r1, #" at " + 8]\n" \
  "ldrd r4, r5, [r0, #" at " + 8]\n" \
  "smlad r8, r2, r4, r8\n"           \
  "smlad r9, r3, r5, r9\n"           \
  "ldrd r2, r3, [r1, #" at " + 16]\n" \
  "ldrd r4, r5, [r0, #" at " + 16]\n" \
  "smlabb r6, r2, r4, r6\n"          \
  "smlatt r7, r2, r4, r7\n"          \
  "smlabb r8, r3, r5, r8\n"          \
  "smlatt r9, r3, r5, r9\n"

#define HT_REQUANTIZE(multiplier, sum) \
  "smmla " sum ", " sum ", " multiplier ", r3\nasr " sum ", " sum ", r4\nssat " sum ", #8, " sum ", asr #1\n"
// Rounding and shift of the channel in this place of the quad that r2 points to, the layer's rounding being in r5.
#if HT_OWN
#define HT_LOAD_SHIFT(place)               \
  "ldr r3, [r2, #32 + 4 * " place "]\n"   \
  "ldrb r4, [r2, #48 + " place "]\n"
#else
#define HT_LOAD_SHIFT(place)   \
  "ldrb r4, [r2, #32 + " place \
  "]\n"                        \
  "lsl r3, r5, r4\n"
#endif
#define HT_LOAD_MULTIPLIERS(place) "ldrd r0, r1, [r2, #16 + 4 * " place "]\n"
#define HT_REQUANTIZE_ONE(place, multiplier, sum) HT_LOAD_SHIFT(place) HT_REQUANTIZE(multiplier, sum)
#define HT_REQUANTIZE_TWO(place, multiplier, first, second) HT_REQUANTIZE_ONE(place, multiplier, first) HT_REQUANTIZE(multiplier, second)

HT_BEGIN_NAKED

// `pixels` of a filter of three by three, four channels; the columns of each lie two behind the one before, its output `stride`
// bytes. By pairs, then the last one of an odd number. Then as many `others`, of which each lies between two of these.
//
// Frame: x, w, quad, output; the first x and output; nine saved registers; stride, pixels, lift, rounding, others.
HT_NAKED void ht_quad_pixels(const uint32_t* x, const uint32_t* w, const ht_quad_channels* quad, int8_t* output, int32_t stride,
                             int32_t pixels, int32_t lift, int32_t rounding, int32_t others) {
  __asm__(
      ".syntax unified\n"
      "push {r4-r11, lr}\n"
      "push {r0, r3}\n"
      "push {r0-r3}\n"
      "ldr r5, [sp, #64]\n"
      "b 3f\n"
      "1:\n"
      "ldm r2, {r6-r9}\n"
      "ldm r2, {r10, r11, r12, lr}\n"
      HT_TWO_PIXELS_COLUMN("0") HT_TWO_PIXELS_COLUMN("24") HT_TWO_PIXELS_COLUMN("48")
      "add r0, r0, #96\n"
      "str r0, [sp]\n"
      "ldr r2, [sp, #8]\n"
      "ldrd r4, r5, [sp, #68]\n"
      "cbz r4, 2f\n"
      "lsl r6, r6, r4\nlsl r7, r7, r4\nlsl r8, r8, r4\nlsl r9, r9, r4\n"
      "lsl r10, r10, r4\nlsl r11, r11, r4\nlsl r12, r12, r4\nlsl lr, lr, r4\n"
      "2:\n"
      HT_LOAD_MULTIPLIERS("0") HT_REQUANTIZE_TWO("0", "r0", "r6", "r10") HT_REQUANTIZE_TWO("1", "r1", "r7", "r11")
      HT_LOAD_MULTIPLIERS("2") HT_REQUANTIZE_TWO("2", "r0", "r8", "r12") HT_REQUANTIZE_TWO("3", "r1", "r9", "lr")
      "ldr r4, [sp, #12]\n"
      "ldr r3, [sp, #60]\n"
      "strb r6, [r4]\nstrb r8, [r4, #1]\nstrb r7, [r4, #2]\nstrb r9, [r4, #3]\n"
      "add r4, r4, r3\n"
      "strb r10, [r4]\nstrb r12, [r4, #1]\nstrb r11, [r4, #2]\nstrb lr, [r4, #3]\n"
      "add r4, r4, r3\n"
      "str r4, [sp, #12]\n"
      "ldr r5, [sp, #64]\n"
      "ldrd r0, r1, [sp]\n"
      "3:\n"
      "subs r5, r5, #2\n"
      "str r5, [sp, #64]\n"
      "bpl 1b\n"
      "adds r5, r5, #1\n"
      "bmi 4f\n"
      "ldm r2, {r6-r9}\n"
      HT_ONE_PIXEL_COLUMN("0") HT_ONE_PIXEL_COLUMN("24") HT_ONE_PIXEL_COLUMN("48")
      "ldr r2, [sp, #8]\n"
      "ldrd r4, r5, [sp, #68]\n"
      "cbz r4, 6f\n"
      "lsl r6, r6, r4\nlsl r7, r7, r4\nlsl r8, r8, r4\nlsl r9, r9, r4\n"
      "6:\n"
      HT_LOAD_MULTIPLIERS("0") HT_REQUANTIZE_ONE("0", "r0", "r6") HT_REQUANTIZE_ONE("1", "r1", "r7")
      HT_LOAD_MULTIPLIERS("2") HT_REQUANTIZE_ONE("2", "r0", "r8") HT_REQUANTIZE_ONE("3", "r1", "r9")
      "ldr r4, [sp, #12]\n"
      "strb r6, [r4]\nstrb r8, [r4, #1]\nstrb r7, [r4, #2]\nstrb r9, [r4, #3]\n"
      "4:\n"
      "ldr r5, [sp, #76]\n"
      "cbz r5, 5f\n"
      "movs r4, #0\n"
      "str r4, [sp, #76]\n"
      "ldrd r0, r3, [sp, #16]\n"
      "ldr r4, [sp, #60]\n"
      "adds r0, r0, #24\n"
      "add r3, r3, r4, lsr #1\n"
      "str r3, [sp, #12]\n"
      "ldrd r1, r2, [sp, #4]\n"
      "b 3b\n"
      "5:\n"
      "add sp, sp, #24\n"
      "pop {r4-r11, pc}\n");
}

HT_END_NAKED

// False where there is no way for the filter.
static bool ht_quad_finish_by_pairs(const ht_quad* quad, int32_t pixels, int8_t* output, int32_t stride) {
  const ht_depthwise_params* p = quad->params;
  const int32_t step = ht_column_step(p), others = step == 1 ? pixels / 2 : 0;
  if (!HT_ONLY_PLAIN && (p->kernel_height != 3 || p->kernel_width != 3 || step > 2)) return false;
  ht_quad_pixels(quad->columns, quad->weights, quad->channels, output, step == 1 ? 2 * stride : stride, pixels - others,
                 quad->lift, quad->rounding, others);
  return true;
}

#else

static bool ht_quad_finish_by_pairs(const ht_quad* quad, int32_t pixels, int8_t* output, int32_t stride) {
  (void)quad, (void)pixels, (void)output, (void)stride;
  return false;
}

#endif

// Of the channel in this place of the quad.
static inline int8_t ht_quad_value(const ht_quad* quad, int32_t place, int32_t sum) {
  const ht_quad_channels* channels = quad->channels;
  const int32_t shift = channels->shift[place];
#if HT_OWN
  const int32_t rounding = channels->rounding[place];
#else
  const int32_t rounding = (int32_t)((uint32_t)quad->rounding << (shift & 255));
#endif
  return (int8_t)ht_requantize_dsp(sum, quad->lift, channels->multiplier[place], rounding, shift);
}

// Four channels a pixel, whether they all exist or not.
static void ht_quad_finish_four(const ht_quad* quad, int32_t pixels, int8_t* output, int32_t stride) {
  if (ht_quad_finish_by_pairs(quad, pixels, output, stride) || HT_ONLY_PLAIN) return;
  for (int32_t pixel = 0; pixel < pixels; ++pixel, output += stride) {
    int32_t sums[4];
    ht_quad_sums(quad, pixel, sums);
    output[0] = ht_quad_value(quad, 0, sums[0]);
    output[1] = ht_quad_value(quad, 2, sums[1]);
    output[2] = ht_quad_value(quad, 1, sums[2]);
    output[3] = ht_quad_value(quad, 3, sums[3]);
  }
}

static void ht_quad_finish_bytes(const ht_quad* quad, int32_t pixels, void* output, size_t at) {
  const int32_t stride = quad->params->output_stride;
  int8_t* to = (int8_t*)output + at;
  if (HT_ONLY_PLAIN || quad->count == 4) {
    ht_quad_finish_four(quad, pixels, to, stride);
  } else {
    int8_t four[4 * HT_PART_PIXELS];
    ht_quad_finish_four(quad, pixels, four, 4);
    for (int32_t pixel = 0; pixel < pixels; ++pixel)
      for (int32_t i = 0; i < quad->count; ++i) to[pixel * stride + i] = four[4 * pixel + i];
  }
}

#endif
