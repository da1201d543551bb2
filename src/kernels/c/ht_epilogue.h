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
  HT_OUTPUT_ACTIVATED = 2,  // requantize to 16-bit fixed point, a function of it, requantize to int8
  HT_OUTPUT_S32 = 3         // the sum itself
};

// A multiplier a channel under a policy: `real` where the policy is a float one, else `fixed` and `shift`
// (value = fixed * 2^(shift - 31)).
typedef struct ht_multiplier {
  const float* real;
  const int32_t* fixed;
  const int32_t* shift;
} ht_multiplier;

enum { HT_ACTIVATION_PIECES = 64 };

// y(t) = base[i] + slope[i] * (t - start(i)), i the piece of t; the first and the last piece go on to infinity.
// docs/NUMERICS.md, "Activations".
typedef struct ht_activation {
  int16_t base[HT_ACTIVATION_PIECES];
  int16_t slope[HT_ACTIVATION_PIECES];
  int32_t shift;  // a piece is 2^shift wide
} ht_activation;

typedef struct ht_epilogue {
  int32_t output;  // HT_OUTPUT_*
  int32_t policy;  // HT_FLOAT_HALF_EVEN, ...
  ht_multiplier multiplier;   // S8: sum to output; ACTIVATED: sum to fixed point
  const float* scale;         // F32
  const int8_t* zero_point;   // S8, ACTIVATED
  const int8_t* minimum;      // S8, ACTIVATED: clamps, the zero point included
  const int8_t* maximum;
  const ht_activation* activation;  // ACTIVATED
  const int16_t* final_multiplier;  // ACTIVATED: fixed point to output
  const int8_t* final_shift;
} ht_epilogue;

#ifdef __cplusplus
}
#endif
#endif
