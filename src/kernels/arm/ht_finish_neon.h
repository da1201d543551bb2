// SPDX-License-Identifier: Apache-2.0
// The epilogue of up to sixteen channels of several pixels in registers; equal to c/ht_finish.h bit for bit.
#ifndef HT_FINISH_NEON_H
#define HT_FINISH_NEON_H

#include "kernels/arm/ht_activate_neon.h"
#include "kernels/arm/ht_bytes_neon.h"

enum { HT_VECTOR = 16 };

// HT_FINISH_NORMATIVE: what has no vector form here. BOUNDED and those after it are activations.
enum {
  HT_FINISH_NORMATIVE,
  HT_FINISH_F32,
  HT_FINISH_S8,
  HT_FINISH_LEAKY,
  HT_FINISH_BOUNDED,
  HT_FINISH_RISING,
  HT_FINISH_RISING_WIDE
};

typedef struct ht_finisher {
  const ht_epilogue* epilogue;
  int32_t form;
  ht_activation_planes function;
} ht_finisher;

static inline ht_finisher ht_prepare_finish(const ht_epilogue* e) {
  ht_finisher f = {.epilogue = e, .form = HT_FINISH_NORMATIVE};
  if (e->output == HT_OUTPUT_F32) f.form = HT_FINISH_F32;
  if (e->policy != HT_FLOAT_HALF_EVEN) return f;
  if (e->output == HT_OUTPUT_S8) f.form = HT_FINISH_S8;
  if (e->output == HT_OUTPUT_LEAKY) f.form = HT_FINISH_LEAKY;
  if (e->output == HT_OUTPUT_ACTIVATED && ht_load_activation(e->activation, &f.function))
    f.form = !e->activation->rises ? HT_FINISH_BOUNDED : f.function.wide ? HT_FINISH_RISING_WIDE : HT_FINISH_RISING;
  return f;
}

static inline float32x4x4_t ht_load_floats(const float* from, int32_t count) {
  float padded[HT_VECTOR] = {0};
  if (count == HT_VECTOR) return vld1q_f32_x4(from);
  __builtin_memcpy(padded, from, (size_t)count * sizeof(float));
  return vld1q_f32_x4(padded);
}

static inline int8x16_t ht_load_bytes(const int8_t* from, int32_t count) {
  int8_t padded[HT_VECTOR] = {0};
  if (count == HT_VECTOR) return vld1q_s8(from);
  ht_copy_few(from, (size_t)count, padded);
  return vld1q_s8(padded);
}

static inline void ht_store_bytes(int8_t* to, int32_t count, int8x16_t bytes) {
  int8_t padded[HT_VECTOR];
  if (count == HT_VECTOR) {
    vst1q_s8(to, bytes);
    return;
  }
  vst1q_s8(padded, bytes);
  ht_copy_few(padded, (size_t)count, to);
}

static inline float32x4_t ht_scale(int32x4_t x, float32x4_t multiplier) { return vmulq_f32(vcvtq_f32_s32(x), multiplier); }

// What is bounded to HT_REQUANTIZE_LIMIT may be left unbounded where it is clamped to a byte later: the conversion saturates.
static inline __attribute__((always_inline)) int32x4x4_t ht_requantize_16(const ht_activation_planes* v,
                                                                          const ht_activation_registers* kept, int32x4x4_t x,
                                                                          float32x4x4_t multiplier, float32x4x4_t second,
                                                                          int32_t form) {
  if (form >= HT_FINISH_BOUNDED) {
    for (int32_t i = 0; i < 4; ++i)
      x.val[i] = vcvtnq_s32_f32(vminq_f32(vmaxq_f32(ht_scale(x.val[i], multiplier.val[i]), kept->least), kept->most));
    x = ht_activate_16(v, kept, x, form != HT_FINISH_BOUNDED, form != HT_FINISH_RISING);
  }
  for (int32_t i = 0; i < 4; ++i) {
    float32x4_t m = form == HT_FINISH_S8 ? multiplier.val[i] : second.val[i];
    if (form == HT_FINISH_LEAKY) m = vbslq_f32(vcltzq_s32(x.val[i]), second.val[i], multiplier.val[i]);
    x.val[i] = vcvtnq_s32_f32(ht_scale(x.val[i], m));
  }
  return x;
}

static inline __attribute__((always_inline)) void ht_finish_bytes(const ht_finisher* f, int32_t first, int32_t count,
                                                                  int32_t pixels, const int32_t* sums, int8_t* to, size_t stride,
                                                                  int32_t form) {
  const ht_epilogue* e = f->epilogue;
  const ht_activation_registers kept = ht_keep_activation(&f->function);
  const float32x4x4_t multiplier = ht_load_floats(e->multiplier.real + first, count);
  const float32x4x4_t second = form == HT_FINISH_S8 ? multiplier : ht_load_floats(e->second.real + first, count);
  const int8x16_t minimum = ht_load_bytes(e->minimum + first, count), maximum = ht_load_bytes(e->maximum + first, count);
  const int8x16_t zero_point = ht_load_bytes(e->zero_point + first, count);
  const int16x8_t zero_low = vmovl_s8(vget_low_s8(zero_point)), zero_high = vmovl_high_s8(zero_point);
  for (int32_t r = 0; r < pixels; ++r, sums += HT_VECTOR, to += stride) {
    const int32x4x4_t x = ht_requantize_16(&f->function, &kept, vld1q_s32_x4(sums), multiplier, second, form);
    const int16x8_t low = vqaddq_s16(vqmovn_high_s32(vqmovn_s32(x.val[0]), x.val[1]), zero_low);
    const int16x8_t high = vqaddq_s16(vqmovn_high_s32(vqmovn_s32(x.val[2]), x.val[3]), zero_high);
    const int8x16_t bytes = vqmovn_high_s16(vqmovn_s16(low), high);
    ht_store_bytes(to, count, vminq_s8(vmaxq_s8(bytes, minimum), maximum));
  }
}

// Four pixels' values of sixteen channels, channel by channel, to where channels lie in planes.
static inline void ht_store_planes(float32x4x4_t v[4], int32_t pixels, int32_t count, float* to, ptrdiff_t plane) {
  for (int32_t i = 0; i < 4; ++i) {
    const float32x4_t even01 = vtrn1q_f32(v[0].val[i], v[1].val[i]), odd01 = vtrn2q_f32(v[0].val[i], v[1].val[i]);
    const float32x4_t even23 = vtrn1q_f32(v[2].val[i], v[3].val[i]), odd23 = vtrn2q_f32(v[2].val[i], v[3].val[i]);
    const float64x2_t even[2] = {vreinterpretq_f64_f32(even01), vreinterpretq_f64_f32(even23)};
    const float64x2_t odd[2] = {vreinterpretq_f64_f32(odd01), vreinterpretq_f64_f32(odd23)};
    const float32x4_t channel[4] = {vreinterpretq_f32_f64(vtrn1q_f64(even[0], even[1])), vreinterpretq_f32_f64(vtrn1q_f64(odd[0], odd[1])),
                                    vreinterpretq_f32_f64(vtrn2q_f64(even[0], even[1])), vreinterpretq_f32_f64(vtrn2q_f64(odd[0], odd[1]))};
    for (int32_t c = 0; c < 4 && 4 * i + c < count; ++c) {
      float four[4];
      float* at = to + (4 * i + c) * plane;
      vst1q_f32(pixels < 4 ? four : at, channel[c]);
      if (pixels < 4) __builtin_memcpy(at, four, (size_t)pixels * sizeof(float));
    }
  }
}

static inline void ht_finish_planes(const ht_epilogue* e, int32_t first, int32_t count, int32_t pixels, const int32_t* sums, float* to) {
  const float32x4x4_t scale = ht_load_floats(e->scale + first, count);
  to += (ptrdiff_t)first * (e->plane - 1);
  for (int32_t r = 0; r < pixels; r += 4, to += 4, sums += 4 * HT_VECTOR) {
    const int32_t now = pixels - r < 4 ? pixels - r : 4;
    float32x4x4_t v[4];
    for (int32_t i = 0; i < 4; ++i) {
      const int32x4x4_t x = vld1q_s32_x4(sums + (i < now ? i : 0) * HT_VECTOR);
      for (int32_t j = 0; j < 4; ++j) v[i].val[j] = ht_scale(x.val[j], scale.val[j]);
    }
    ht_store_planes(v, now, count, to, e->plane);
  }
}

static inline void ht_finish_floats(const ht_epilogue* e, int32_t first, int32_t count, int32_t pixels, const int32_t* sums,
                                    float* to, size_t stride) {
  const float32x4x4_t scale = ht_load_floats(e->scale + first, count);
  for (int32_t r = 0; r < pixels; ++r, sums += HT_VECTOR, to += stride) {
    float scaled[HT_VECTOR];
    float* target = count == HT_VECTOR ? to : scaled;
    const int32x4x4_t x = vld1q_s32_x4(sums);
    for (int32_t i = 0; i < 4; ++i) vst1q_f32(target + 4 * i, ht_scale(x.val[i], scale.val[i]));
    if (count < HT_VECTOR) __builtin_memcpy(to, scaled, (size_t)count * sizeof(float));
  }
}

// sums + r * HT_VECTOR belongs to channels [first, first + count) of pixel r and goes to output[at + r * stride].
static inline void ht_finish_block(const ht_finisher* f, int32_t first, int32_t count, int32_t pixels, int32_t* sums,
                                   void* output, size_t at, size_t stride) {
  const ht_epilogue* e = f->epilogue;
  int8_t* bytes = (int8_t*)output + at;
  switch (f->form) {
    case HT_FINISH_F32:
      if (e->plane != 0) {
        ht_finish_planes(e, first, count, pixels, sums, (float*)output + at);
      } else {
        ht_finish_floats(e, first, count, pixels, sums, (float*)output + at, stride);
      }
      return;
    case HT_FINISH_S8:
      ht_finish_bytes(f, first, count, pixels, sums, bytes, stride, HT_FINISH_S8);
      return;
    case HT_FINISH_LEAKY:
      ht_finish_bytes(f, first, count, pixels, sums, bytes, stride, HT_FINISH_LEAKY);
      return;
    case HT_FINISH_BOUNDED:
      ht_finish_bytes(f, first, count, pixels, sums, bytes, stride, HT_FINISH_BOUNDED);
      return;
    case HT_FINISH_RISING:
      ht_finish_bytes(f, first, count, pixels, sums, bytes, stride, HT_FINISH_RISING);
      return;
    case HT_FINISH_RISING_WIDE:
      ht_finish_bytes(f, first, count, pixels, sums, bytes, stride, HT_FINISH_RISING_WIDE);
      return;
    default:
      for (int32_t r = 0; r < pixels; ++r)
        ht_finish(e, first, count, sums + r * HT_VECTOR, output, at + (size_t)r * stride);
  }
}

#endif
