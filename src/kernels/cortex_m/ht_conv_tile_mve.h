// SPDX-License-Identifier: Apache-2.0
// Patches times weights (ht_conv_mve.h says how they lie): two pixels by four channels at a time, or one pixel by eight. Whoever
// includes this says by HT_CONV_SUMS (0 or 1) whether the sums are stored instead of bytes.
//
// The loops are written in assembly because a sum has to be in an even register, and all eight of those hold sums.
#ifndef HT_CONV_TILE_MVE_H
#define HT_CONV_TILE_MVE_H

#include "kernels/cortex_m/ht_packed_mve.h"

#if HT_CONV_SUMS
typedef int32_t ht_tile_output;
#else
typedef int8_t ht_tile_output;
#endif

static inline ht_tile_output ht_tile_value(int32_t sum, int32_t lift, const ht_block_mve* block, int32_t lane) {
#if HT_CONV_SUMS
  (void)lift, (void)block, (void)lane;
  return sum;
#else
  return ht_requantize_mve(sum, lift, block, lane);
#endif
}

#if HT_MVE

HT_BEGIN_NAKED

#define HT_ADD_BOTH(first, second, weights) "vmladava.s8 " first ", " weights ", q0\nvmladava.s8 " second ", " weights ", q1\n"

// Sums in r0, r2, r4, r6 (pixel 0) and r8, r10, r12, lr (pixel 1).
#define HT_TWO_PIXELS_STEP                 \
  "vldrb.8 q0, [r3], #16\n"                \
  "vldrb.8 q1, [r5], #16\n"                \
  "vldrb.8 q2, [r1], #16\n"                \
  "vldrb.8 q3, [r1], #16\n"                \
  HT_ADD_BOTH("r0", "r8", "q2") HT_ADD_BOTH("r2", "r10", "q3") \
  "vldrb.8 q2, [r1], #16\n"                \
  "vldrb.8 q3, [r1], #16\n"                \
  HT_ADD_BOTH("r4", "r12", "q2") HT_ADD_BOTH("r6", "lr", "q3")

// What is left of a depth, r7 of them, for one channel; lanes beyond are zeros of the inputs.
#define HT_TWO_PIXELS_REST(first, second) "vldrb.8 q2, [r1]\nadd r1, r1, r7\n" HT_ADD_BOTH(first, second, "q2")

// Sums as vectors q0 and q1.
#define HT_GATHER_SUMS             \
  "vmov q0[2], q0[0], r0, r4\n"    \
  "vmov q0[3], q0[1], r2, r6\n"    \
  "vmov q1[2], q1[0], r8, r12\n"   \
  "vmov q1[3], q1[1], r10, lr\n"

#define HT_LOAD_BLOCK(at)             \
  "vldrw.32 q2, [r7, #" at " + 16]\n" \
  "vldrw.32 q3, [r7, #" at " + 32]\n" \
  "vldrb.s32 q4, [r7, #" at " + 48]\n" \
  "vldrb.s32 q5, [r7, #" at " + 52]\n" \
  "vldrb.s32 q6, [r7, #" at " + 56]\n"

#define HT_REQUANTIZE_VECTOR(sums)             \
  "vmulh.s32 " sums ", " sums ", q2\n"         \
  "vrshl.s32 " sums ", " sums ", q3\n"         \
  "vadd.i32 " sums ", " sums ", q4\n"          \
  "vmax.s32 " sums ", " sums ", q5\n"          \
  "vmin.s32 " sums ", " sums ", q6\n"

#if HT_CONV_SUMS
#define HT_TWO_PIXELS_FINISH      \
  "ldrd r3, r5, [sp, #100]\n"     \
  "vstrw.32 q0, [r3], #16\n"      \
  "vstrw.32 q1, [r5], #16\n"      \
  "strd r3, r5, [sp, #100]\n"
#define HT_TWO_BLOCKS_FINISH      \
  "ldr r3, [sp, #12]\n"           \
  "vstrw.32 q0, [r3], #16\n"      \
  "vstrw.32 q1, [r3], #16\n"      \
  "str r3, [sp, #12]\n"
#else
#define HT_TWO_PIXELS_FINISH      \
  "ldr r5, [sp, #116]\n"          \
  "mov r7, r9\n"                  \
  "vshl.s32 q0, r5\n"             \
  "vshl.s32 q1, r5\n" HT_LOAD_BLOCK("0") HT_REQUANTIZE_VECTOR("q0") HT_REQUANTIZE_VECTOR("q1") \
  "ldrd r3, r5, [sp, #100]\n"     \
  "vstrb.32 q0, [r3], #4\n"       \
  "vstrb.32 q1, [r5], #4\n"       \
  "strd r3, r5, [sp, #100]\n"
#define HT_TWO_BLOCKS_FINISH      \
  "ldr r3, [sp, #108]\n"          \
  "mov r7, r9\n"                  \
  "vshl.s32 q0, r3\n"             \
  "vshl.s32 q1, r3\n"             \
  "ldr r3, [sp, #12]\n" HT_LOAD_BLOCK("0") HT_REQUANTIZE_VECTOR("q0") \
  HT_LOAD_BLOCK("64") HT_REQUANTIZE_VECTOR("q1") \
  "vstrb.32 q0, [r3], #4\n"       \
  "vstrb.32 q1, [r3], #4\n"       \
  "str r3, [sp, #12]\n"
#endif

// `blocks` (at least one) of channels for two pixels, whose outputs lie at `first` and `second`.
//
// Frame: x0, x1, (unused), (unused); q4 to q6; nine saved registers; first, second, blocks, depth, lift.
HT_NAKED void ht_tile_two_pixels(const int8_t* x0, const int8_t* x1, const int8_t* w,
                                                                const ht_block_mve* block, ht_tile_output* first,
                                                                ht_tile_output* second, int32_t blocks, int32_t depth, int32_t lift) {
  __asm__(
      ".syntax unified\n"
      "push {r4-r11, lr}\n"
      "vpush {d8-d13}\n"
      "push {r0-r3}\n"
      "mov r1, r2\n"
      "mov r9, r3\n"
      "ldr r11, [sp, #112]\n"
      "1:\n"
      "ldrd r3, r5, [sp]\n"
      "ldrd r0, r2, [r9]\n"
      "ldrd r4, r6, [r9, #8]\n"
      "mov r8, r0\nmov r10, r2\nmov r12, r4\nmov lr, r6\n"
      "lsrs r7, r11, #5\n"
      "beq 3f\n"
      "2:\n" HT_TWO_PIXELS_STEP HT_TWO_PIXELS_STEP
      "subs r7, r7, #1\n"
      "bne 2b\n"
      "3:\n"
      "tst r11, #16\n"
      "beq 4f\n" HT_TWO_PIXELS_STEP
      "4:\n"
      "ands r7, r11, #15\n"
      "beq 5f\n"
      "vctp.8 r7\n"
      "vpstt\n"
      "vldrbt.8 q0, [r3]\n"
      "vldrbt.8 q1, [r5]\n" HT_TWO_PIXELS_REST("r0", "r8") HT_TWO_PIXELS_REST("r2", "r10")
      HT_TWO_PIXELS_REST("r4", "r12") HT_TWO_PIXELS_REST("r6", "lr")
      "5:\n" HT_GATHER_SUMS HT_TWO_PIXELS_FINISH
      "ldr r7, [sp, #108]\n"
      "add r9, r9, #64\n"
      "subs r7, r7, #1\n"
      "str r7, [sp, #108]\n"
      "bne 1b\n"
      "add sp, sp, #16\n"
      "vpop {d8-d13}\n"
      "pop {r4-r11, pc}\n");
}

#define HT_ADD_ONE(sum, weights) "vmladava.s8 " sum ", " weights ", q0\n"

#define HT_TWO_BLOCKS_HALF(s0, s1, s2, s3)       \
  "vldrb.8 q1, [r1], #16\n"                      \
  "vldrb.8 q2, [r5], #16\n"                      \
  HT_ADD_ONE(s0, "q1") HT_ADD_ONE(s1, "q2")      \
  "vldrb.8 q1, [r1], #16\n"                      \
  "vldrb.8 q2, [r5], #16\n"                      \
  HT_ADD_ONE(s2, "q1") HT_ADD_ONE(s3, "q2")

#define HT_TWO_BLOCKS_STEP "vldrb.8 q0, [r3], #16\n" HT_TWO_BLOCKS_HALF("r0", "r8", "r2", "r10") HT_TWO_BLOCKS_HALF("r4", "r12", "r6", "lr")

#define HT_TWO_BLOCKS_REST(first, second)                                           \
  "vldrb.8 q1, [r1]\nadd r1, r1, r7\n" HT_ADD_ONE(first, "q1")                      \
  "vldrb.8 q2, [r5]\nadd r5, r5, r7\n" HT_ADD_ONE(second, "q2")

// `pairs` (at least one) of blocks of channels for one pixel.
//
// Frame: x, (unused), (unused), output; q4 to q6; nine saved registers; pairs, depth, lift.
HT_NAKED void ht_tile_two_blocks(const int8_t* x, const int8_t* w, const ht_block_mve* block,
                                                                ht_tile_output* output, int32_t pairs, int32_t depth, int32_t lift) {
  __asm__(
      ".syntax unified\n"
      "push {r4-r11, lr}\n"
      "vpush {d8-d13}\n"
      "push {r0-r3}\n"
      "mov r5, r1\n"
      "mov r9, r2\n"
      "ldr r11, [sp, #104]\n"
      "1:\n"
      "ldr r3, [sp]\n"
      "mov r1, r5\n"
      "add r5, r5, r11, lsl #2\n"
      "ldrd r0, r2, [r9]\n"
      "ldrd r4, r6, [r9, #8]\n"
      "ldrd r8, r10, [r9, #64]\n"
      "ldrd r12, lr, [r9, #72]\n"
      "lsrs r7, r11, #6\n"
      "beq 3f\n"
      "2:\n" HT_TWO_BLOCKS_STEP HT_TWO_BLOCKS_STEP HT_TWO_BLOCKS_STEP HT_TWO_BLOCKS_STEP
      "subs r7, r7, #1\n"
      "bne 2b\n"
      "3:\n"
      "ubfx r7, r11, #4, #2\n"
      "cbz r7, 4f\n"
      "6:\n" HT_TWO_BLOCKS_STEP
      "subs r7, r7, #1\n"
      "bne 6b\n"
      "4:\n"
      "ands r7, r11, #15\n"
      "beq 5f\n"
      "vctp.8 r7\n"
      "vpst\n"
      "vldrbt.8 q0, [r3]\n" HT_TWO_BLOCKS_REST("r0", "r8") HT_TWO_BLOCKS_REST("r2", "r10")
      HT_TWO_BLOCKS_REST("r4", "r12") HT_TWO_BLOCKS_REST("r6", "lr")
      "5:\n" HT_GATHER_SUMS HT_TWO_BLOCKS_FINISH
      "ldr r7, [sp, #100]\n"
      "add r9, r9, #128\n"
      "subs r7, r7, #1\n"
      "str r7, [sp, #100]\n"
      "bne 1b\n"
      "add sp, sp, #16\n"
      "vpop {d8-d13}\n"
      "pop {r4-r11, pc}\n");
}

HT_END_NAKED

#else

// One pixel, four channels.
static inline void ht_tile_block(const int8_t* x, const int8_t* w, const ht_block_mve* block, int32_t depth, int32_t lift,
                                 ht_tile_output* output) {
  const int32_t rest = depth % HT_VECTOR_BYTES, whole = depth - rest;
  for (int32_t lane = 0; lane < HT_BLOCK_CHANNELS; ++lane) {
    int32_t sum = ht_add_dot(x, w + lane * HT_VECTOR_BYTES, HT_BLOCK_CHANNELS * HT_VECTOR_BYTES, whole, block->bias[lane]);
    sum = ht_add_dot(x + whole, w + (ptrdiff_t)whole * HT_BLOCK_CHANNELS + lane * rest, HT_VECTOR_BYTES, rest, sum);
    output[lane] = ht_tile_value(sum, lift, block, lane);
  }
}

static inline void ht_tile_two_pixels(const int8_t* x0, const int8_t* x1, const int8_t* w, const ht_block_mve* block,
                                      ht_tile_output* first, ht_tile_output* second, int32_t blocks, int32_t depth, int32_t lift) {
  for (int32_t i = 0; i < blocks; ++i, w += (ptrdiff_t)depth * HT_BLOCK_CHANNELS) {
    ht_tile_block(x0, w, block + i, depth, lift, first + i * HT_BLOCK_CHANNELS);
    ht_tile_block(x1, w, block + i, depth, lift, second + i * HT_BLOCK_CHANNELS);
  }
}

static inline void ht_tile_two_blocks(const int8_t* x, const int8_t* w, const ht_block_mve* block, ht_tile_output* output,
                                      int32_t pairs, int32_t depth, int32_t lift) {
  for (int32_t i = 0; i < 2 * pairs; ++i, w += (ptrdiff_t)depth * HT_BLOCK_CHANNELS)
    ht_tile_block(x, w, block + i, depth, lift, output + i * HT_BLOCK_CHANNELS);
}

#endif
#endif
