// SPDX-License-Identifier: Apache-2.0
// What happens to an int32 sum before it is stored; shared by convolution, depthwise convolution and matrix product.
// All arrays have one entry an output channel.
#ifndef HT_EPILOGUE_H
#define HT_EPILOGUE_H

#include "ht_kernel.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
  HT_OUTPUT_S8 = 0,         // clamp(requantize(sum) + zero_point, minimum, maximum)
  HT_OUTPUT_F32 = 1,        // float(sum) * scale
  HT_OUTPUT_ACTIVATED = 2,  // requantize to HT_ACTIVATION_BITS fixed point, a function of it, requantize to int8
  HT_OUTPUT_S32 = 3,        // the sum itself
  HT_OUTPUT_LEAKY = 4,      // as S8, with `second` as the multiplier of negative sums
  HT_OUTPUT_S16 = 5         // as S8 with 16 bits, of 64-bit sums (ht_finish_s16.h)
};

// Whether such an output is in use, a constant.
#define HT_USES_OUTPUT(output) ((HT_OUTPUTS >> (output)) & 1)

// A multiplier a channel under a policy: `real` where the policy is a float one, else `fixed` and `shift`
// (value = fixed * 2^(shift - 31)).
typedef struct ht_multiplier {
  const float* real;
  const int32_t* fixed;
  const int32_t* shift;
} ht_multiplier;

enum {
  HT_ACTIVATION_PIECES = 32,
  HT_ACTIVATION_BITS = 16  // fraction bits of argument and result
};

// A function by second-degree pieces, y = base + (slope + curve * u) * u with u in [0, 1) the place within the piece; all
// with HT_ACTIVATION_BITS fraction bits, |slope| + |curve| < 2^16. docs/NUMERICS.md, "Activations".
typedef struct ht_activation {
  int32_t base[HT_ACTIVATION_PIECES];
  int32_t slope[HT_ACTIVATION_PIECES];
  int32_t curve[HT_ACTIVATION_PIECES];
  int32_t piece_shift;  // a piece is 2^piece_shift wide, and half of the pieces are below 0; at most 15
  int32_t rises;        // all ones: above the pieces the function goes on with slope 1; 0: it is constant, as it is below them
} ht_activation;

typedef struct ht_epilogue {
  int32_t output;            // HT_OUTPUT_*
  int32_t policy;            // HT_FLOAT_HALF_EVEN, ...
  ht_multiplier multiplier;  // S8, LEAKY: sum to output; ACTIVATED: sum to fixed point
  ht_multiplier second;      // ACTIVATED: fixed point to output; LEAKY
  const float* scale;        // F32
  int32_t plane;             // F32 of a convolution of one image: 0, or the channels' values lie in planes, the first of one channel so many behind
                             // that of the one before, and those of a row of pixels, output_stride apart
  const int8_t* zero_point;  // S8, LEAKY, ACTIVATED
  const int8_t* minimum;     // clamps, the zero point included
  const int8_t* maximum;
  const ht_activation* activation;  // ACTIVATED
} ht_epilogue;

#ifdef __cplusplus
}
#endif
#endif
