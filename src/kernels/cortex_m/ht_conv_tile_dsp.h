// SPDX-License-Identifier: Apache-2.0
// Patches times weights (ht_conv_dsp.h says how both lie): four pixels by two channels at a time, or one pixel by four channels.
// Whoever includes this says by HT_CONV_DEEP (0 or 1) which of the two forms the weights have and by HT_CONV_SUMS (0 or 1) whether
// the sums are stored instead of bytes.
//
// The loops are written in assembly because they need all fourteen registers: compilers that have to divide them spill sums
// and take half as many instructions again. The C below computes the same.
#ifndef HT_CONV_TILE_DSP_H
#define HT_CONV_TILE_DSP_H

#include "kernels/cortex_m/ht_conv_dsp.h"
#include "kernels/cortex_m/ht_conv_walk_dsp.h"
#include "kernels/cortex_m/ht_packed_dsp.h"
#include "kernels/cortex_m/ht_short_channels_dsp.h"
#if HT_CONV_SUMS
#include "kernels/cortex_m/ht_finish_sums.h"
#endif

#if HT_CONV_SUMS
typedef int32_t ht_tile_output;
typedef ht_sum_channel_dsp ht_tile_channel;
#elif HT_CONV_DEEP
typedef int8_t ht_tile_output;
typedef ht_deep_channel_dsp ht_tile_channel;
#else
typedef int8_t ht_tile_output;
typedef ht_pair_channel_dsp ht_tile_channel;
#endif

#if !HT_CONV_SUMS
static void ht_expand_channels(const ht_layer_dsp* layer, const int8_t* stored, int32_t first, int32_t count, void* to) {
  enum { kTogether = 8 };
  ht_tile_channel* channel = (ht_tile_channel*)to;
  for (; count > 0; first += kTogether, count -= kTogether) {
    ht_short_channel made[kTogether];
    const int32_t some = count < kTogether ? count : kTogether;
    HT_FN(ht_short_channels_dsp)(layer, stored, first, some, made);
    for (const ht_short_channel *one = made, *end = made + some; one != end; one += 2, channel += 2) {
#if HT_CONV_DEEP
      for (int32_t i = 0; i < 2; ++i) {
        channel[i].multiplier = one[i].multiplier;
        channel[i].rounding = (2 * one[i].zero_point + 1) * 256 + one[i].shift;
        channel[i].bias = one[i].bias;
      }
#else
      const uint32_t both = (uint32_t)one[0].bias + 256 * (uint32_t)one[1].bias;
      channel[0].multiplier = one[0].multiplier;
      channel[0].start = (int32_t)(256 * (uint32_t)one[0].bias + (uint32_t)one[0].shift);
      channel[1].multiplier = one[1].multiplier;
      channel[1].start = (int32_t)(both + (((uint32_t)one[1].shift - both) & 255));
#endif
    }
  }
}
#endif

static inline int32_t ht_first_start(const ht_tile_channel* pair) {
#if HT_CONV_DEEP
  return pair[0].bias;
#else
  return pair[0].start >> 8;
#endif
}

static inline int32_t ht_second_start(const ht_tile_channel* pair) {
#if HT_CONV_DEEP
  return pair[1].bias;
#else
  return pair[1].start;
#endif
}

// The sum of the second channel of a pair, from what its products with unseparated weights have added up to.
static inline int32_t ht_second_sum(int32_t first, int32_t both) {
  return HT_CONV_DEEP ? both : (int32_t)((uint32_t)both - (uint32_t)first) >> 8;
}

static inline ht_tile_output ht_tile_value(int32_t sum, int32_t lift, int32_t rounding, const ht_tile_channel* channel) {
#if HT_CONV_SUMS
  (void)lift, (void)rounding, (void)channel;
  return sum;
#else
#if HT_CONV_DEEP
  const int32_t shift = channel->rounding;
  rounding = shift >> 8;
#else
  const int32_t shift = channel->start;
#endif
  return (int8_t)ht_requantize_dsp(sum, lift, channel->multiplier, (int32_t)((uint32_t)rounding << (shift & 255)), shift);
#endif
}

// `channels` (one or two) of a pair for one pixel, the words of whose patch lie `pitch` apart.
HT_ALONE void ht_tile_pair(const uint32_t* x, size_t pitch, const int8_t* w, const void* channel, void* output, int32_t channels,
                           int32_t lift, int32_t rounding, size_t pair_bytes) {
  const ht_tile_channel* pair = (const ht_tile_channel*)channel;
  ht_tile_output* to = (ht_tile_output*)output;
  int32_t first = ht_first_start(pair), both = ht_second_start(pair);
  for (const int8_t* end = w + pair_bytes; w != end; w += sizeof(uint32_t), x += pitch) {
    const uint32_t word = ht_load_word(w);
    first = ht_add_products(ht_even_bytes(word), *x, first);
    both = ht_add_products(HT_CONV_DEEP ? ht_odd_bytes(word) : word, *x, both);
  }
  to[0] = ht_tile_value(first, lift, rounding, pair);
  if (channels == 2) to[1] = ht_tile_value(ht_second_sum(first, both), lift, rounding, pair + 1);
}

#if HT_DSP

HT_BEGIN_NAKED

#if HT_CONV_DEEP
#define HT_SEPARATE(word) "sxtb16 " word ", " word ", ror #8\n"
#define HT_SECOND(first, both) ""
#else
#define HT_SEPARATE(word) ""
#define HT_SECOND(first, both) "sub " both ", " both ", " first "\nasr " both ", " both ", #8\n"
#endif

// With the multiplier in r2, the rounding in r3, the shift in r4.
#define HT_REQUANTIZE(sum) "smmla " sum ", " sum ", r2, r3\nasr " sum ", " sum ", r4\nssat " sum ", #8, " sum ", asr #1\n"

// A channel's multiplier and shift from what `at` points to, which goes on to the next one. The layer's rounding is in r5.
#if HT_CONV_DEEP
#define HT_LOAD_CHANNEL(at) "ldrd r2, r4, [" at "], #12\nasr r3, r4, #8\nlsl r3, r3, r4\n"
#else
#define HT_LOAD_CHANNEL(at) "ldrd r2, r4, [" at "], #8\nlsl r3, r5, r4\n"
#endif

// What the sums of two and of four channels behind `at` begin with.
#if HT_CONV_SUMS
#define HT_LOAD_TWO_STARTS(at, s0, s1) "ldrd " s0 ", " s1 ", [" at "]\n"
#define HT_LOAD_FOUR_STARTS(at, s0, s1, s2, s3) HT_LOAD_TWO_STARTS(at, s0, s1) "ldrd " s2 ", " s3 ", [" at ", #8]\n"
#elif HT_CONV_DEEP
#define HT_LOAD_TWO_STARTS(at, s0, s1) "ldr " s0 ", [" at ", #8]\nldr " s1 ", [" at ", #20]\n"
#define HT_LOAD_FOUR_STARTS(at, s0, s1, s2, s3) HT_LOAD_TWO_STARTS(at, s0, s1) "ldr " s2 ", [" at ", #32]\nldr " s3 ", [" at ", #44]\n"
#else
#define HT_LOAD_TWO_STARTS(at, s0, s1) "ldr " s0 ", [" at ", #4]\nldr " s1 ", [" at ", #12]\nasr " s0 ", " s0 ", #8\n"
#define HT_LOAD_FOUR_STARTS(at, s0, s1, s2, s3) \
  HT_LOAD_TWO_STARTS(at, s0, s1) "ldr " s2 ", [" at ", #20]\nldr " s3 ", [" at ", #28]\nasr " s2 ", " s2 ", #8\n"
#endif

// One word of weights and four words of inputs.
#define HT_FOUR_PIXELS_STEP             \
  "ldr r5, [r1], #4\n"                  \
  "ldrd r2, r3, [r0], #8\n"             \
  "sxtb16 r4, r5\n" HT_SEPARATE("r5")   \
  "smlad r6, r4, r2, r6\n"              \
  "smlad r10, r5, r2, r10\n"            \
  "smlad r7, r4, r3, r7\n"              \
  "smlad r11, r5, r3, r11\n"            \
  "ldrd r2, r3, [r0], #8\n"             \
  "smlad r8, r4, r2, r8\n"              \
  "smlad r12, r5, r2, r12\n"            \
  "smlad r9, r4, r3, r9\n"              \
  "smlad lr, r5, r3, lr\n"

// Sums in r6..r9 (first channel, pixels 0..3) and r10, r11, r12, lr (second channel); what becomes of them.
#if HT_CONV_SUMS
#define HT_FOUR_PIXELS_FINISH     \
  "ldr r0, [sp, #12]\n"           \
  "ldr r3, [sp, #52]\n"           \
  "lsl r3, r3, #2\n"              \
  "add r2, r0, #8\n"              \
  "str r2, [sp, #12]\n"           \
  "strd r6, r10, [r0]\n"          \
  "add r0, r0, r3\n"              \
  "strd r7, r11, [r0]\n"          \
  "add r0, r0, r3\n"              \
  "strd r8, r12, [r0]\n"          \
  "add r0, r0, r3\n"              \
  "strd r9, lr, [r0]\n"           \
  "ldr r0, [sp, #8]\n"            \
  "adds r0, r0, #8\n"             \
  "str r0, [sp, #8]\n"
#else
#define HT_FOUR_PIXELS_FINISH                                                                   \
  "ldrd r4, r5, [sp, #60]\n"                                                                    \
  "ldr r0, [sp, #8]\n"                                                                          \
  "cbz r4, 3f\n"                                                                                \
  "lsl r6, r6, r4\nlsl r7, r7, r4\nlsl r8, r8, r4\nlsl r9, r9, r4\n"                            \
  "lsl r10, r10, r4\nlsl r11, r11, r4\nlsl r12, r12, r4\nlsl lr, lr, r4\n"                      \
  "3:\n"                                                                                        \
  HT_LOAD_CHANNEL("r0") HT_REQUANTIZE("r6") HT_REQUANTIZE("r7") HT_REQUANTIZE("r8") HT_REQUANTIZE("r9") \
  HT_LOAD_CHANNEL("r0") HT_REQUANTIZE("r10") HT_REQUANTIZE("r11") HT_REQUANTIZE("r12") HT_REQUANTIZE("lr") \
  "str r0, [sp, #8]\n"                                                                          \
  "ldr r0, [sp, #12]\n"                                                                         \
  "ldr r3, [sp, #52]\n"                                                                         \
  "add r2, r0, #2\n"                                                                            \
  "str r2, [sp, #12]\n"                                                                         \
  "strb r6, [r0]\nstrb r10, [r0, #1]\nadd r0, r0, r3\n"                                         \
  "strb r7, [r0]\nstrb r11, [r0, #1]\nadd r0, r0, r3\n"                                         \
  "strb r8, [r0]\nstrb r12, [r0, #1]\nadd r0, r0, r3\n"                                         \
  "strb r9, [r0]\nstrb lr, [r0, #1]\n"
#endif

// `pairs` (at least one) of channels for four pixels; `stride` elements lie between the pixels of the output. The four words of
// each step of the patches are adjacent.
//
// Frame: x, end of the pair's weights, channel, output; nine saved registers; stride, pairs, lift, rounding, pair_bytes.
HT_NAKED void ht_tile_four_pixels(const uint32_t* x, const int8_t* w, const void* channel, void* output, int32_t stride, int32_t pairs,
                                  int32_t lift, int32_t rounding, size_t pair_bytes) {
  __asm__(
      ".syntax unified\n"
      "push {r4-r11, lr}\n"
      "push {r0-r3}\n"
      "1:\n"
      "ldr r2, [sp, #8]\n"
      "ldr r3, [sp, #68]\n"
      "ldr r0, [sp]\n"
      "add r3, r3, r1\n"
      "str r3, [sp, #4]\n"
      HT_LOAD_TWO_STARTS("r2", "r6", "r10")
      "mov r7, r6\nmov r8, r6\nmov r9, r6\n"
      "mov r11, r10\nmov r12, r10\nmov lr, r10\n"
      "2:\n" HT_FOUR_PIXELS_STEP HT_FOUR_PIXELS_STEP
      "ldr r2, [sp, #4]\n"
      "cmp r1, r2\n"
      "bne 2b\n"  //
      HT_SECOND("r6", "r10") HT_SECOND("r7", "r11") HT_SECOND("r8", "r12") HT_SECOND("r9", "lr")  //
      HT_FOUR_PIXELS_FINISH
      "ldr r4, [sp, #56]\n"
      "subs r4, r4, #1\n"
      "str r4, [sp, #56]\n"
      "bne 1b\n"
      "add sp, sp, #16\n"
      "pop {r4-r11, pc}\n");
}

// Two words of weights of each of two pairs and two words of inputs.
#define HT_ONE_PIXEL_PAIR(weights, first, both)          \
  "ldrd r10, r11, [" weights "], #8\n"                   \
  "sxtb16 r3, r10\n" HT_SEPARATE("r10")                  \
  "smlad " first ", r3, r4, " first "\n"                 \
  "smlad " both ", r10, r4, " both "\n"                  \
  "sxtb16 r3, r11\n" HT_SEPARATE("r11")                  \
  "smlad " first ", r3, r5, " first "\n"                 \
  "smlad " both ", r11, r5, " both "\n"

// Sums in r6..r9; lr the first channel's parameters.
#if HT_CONV_SUMS
#define HT_ONE_PIXEL_FINISH       \
  "ldr r0, [sp, #12]\n"           \
  "add lr, lr, #16\n"             \
  "stm r0!, {r6-r9}\n"            \
  "str r0, [sp, #12]\n"
#else
#define HT_ONE_PIXEL_FINISH                                                 \
  "ldrd r4, r5, [sp, #56]\n"                                                \
  "ldr r0, [sp, #12]\n"                                                     \
  "cbz r4, 3f\n"                                                            \
  "lsl r6, r6, r4\nlsl r7, r7, r4\nlsl r8, r8, r4\nlsl r9, r9, r4\n"        \
  "3:\n" HT_LOAD_CHANNEL("lr") HT_REQUANTIZE("r6") HT_LOAD_CHANNEL("lr") HT_REQUANTIZE("r7") \
  HT_LOAD_CHANNEL("lr") HT_REQUANTIZE("r8") HT_LOAD_CHANNEL("lr") HT_REQUANTIZE("r9") \
  "strb r6, [r0], #1\nstrb r7, [r0], #1\nstrb r8, [r0], #1\nstrb r9, [r0], #1\n" \
  "str r0, [sp, #12]\n"
#endif

// `quads` (at least one) of channels for one pixel, the words of whose patch are adjacent.
//
// Frame: x, (unused), (unused), output; nine saved registers; quads, lift, rounding, pair_bytes.
HT_NAKED void ht_tile_one_pixel(const uint32_t* x, const int8_t* w, const void* channel, void* output, int32_t quads, int32_t lift,
                                int32_t rounding, size_t pair_bytes) {
  __asm__(
      ".syntax unified\n"
      "push {r4-r11, lr}\n"
      "push {r0-r3}\n"
      "mov lr, r2\n"
      "mov r2, r1\n"
      "1:\n"
      "ldr r3, [sp, #64]\n"
      "ldr r0, [sp]\n"
      "mov r1, r2\n"
      "add r2, r2, r3\n"
      "mov r12, r2\n"
      HT_LOAD_FOUR_STARTS("lr", "r6", "r7", "r8", "r9")
      "2:\n"
      "ldrd r4, r5, [r0], #8\n" HT_ONE_PIXEL_PAIR("r1", "r6", "r7") HT_ONE_PIXEL_PAIR("r2", "r8", "r9")
      "cmp r1, r12\n"
      "bne 2b\n" HT_SECOND("r6", "r7") HT_SECOND("r8", "r9")
      "str r2, [sp, #4]\n" HT_ONE_PIXEL_FINISH
      "ldr r4, [sp, #52]\n"
      "ldr r2, [sp, #4]\n"
      "subs r4, r4, #1\n"
      "str r4, [sp, #52]\n"
      "bne 1b\n"
      "add sp, sp, #16\n"
      "pop {r4-r11, pc}\n");
}

HT_END_NAKED

#else

static void ht_tile_four_pixels(const uint32_t* x, const int8_t* w, const void* channel, void* output, int32_t stride, int32_t pairs,
                                int32_t lift, int32_t rounding, size_t pair_bytes) {
  const ht_tile_channel* pair = (const ht_tile_channel*)channel;
  ht_tile_output* to = (ht_tile_output*)output;
  for (int32_t i = 0; i < pairs; ++i, w += pair_bytes, pair += 2, to += 2)
    for (int32_t pixel = 0; pixel < HT_TILE_PIXELS; ++pixel)
      ht_tile_pair(x + pixel, HT_TILE_PIXELS, w, pair, to + pixel * stride, 2, lift, rounding, pair_bytes);
}

static void ht_tile_one_pixel(const uint32_t* x, const int8_t* w, const void* channel, void* output, int32_t quads, int32_t lift,
                              int32_t rounding, size_t pair_bytes) {
  const ht_tile_channel* pair = (const ht_tile_channel*)channel;
  ht_tile_output* to = (ht_tile_output*)output;
  for (int32_t i = 0; i < 2 * quads; ++i, w += pair_bytes, pair += 2, to += 2)
    ht_tile_pair(x, 1, w, pair, to, 2, lift, rounding, pair_bytes);
}

#endif

#if HT_CONV_SUMS
static const ht_tile_dsp ht_tile = {sizeof(ht_tile_channel), NULL, ht_tile_four_pixels, ht_tile_one_pixel, ht_tile_pair, ht_finish_sums};
#else
static const ht_tile_dsp ht_tile = {sizeof(ht_tile_channel), ht_expand_channels, ht_tile_four_pixels, ht_tile_one_pixel, ht_tile_pair, NULL};
#endif

#endif
