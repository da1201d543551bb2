// SPDX-License-Identifier: Apache-2.0
// Elementary functions of floats: branch-free, so that compilers vectorise them, and made of IEEE additions,
// multiplications and divisions in a fixed order, so that every machine gives the same bits. Polynomials are
// minimax fits of our own. docs/NUMERICS.md states the errors.
#ifndef HT_MATH_H
#define HT_MATH_H

#include "ht_kernel.h"

typedef union ht_float_bits {
  float value;
  uint32_t bits;
} ht_float_bits;

static inline uint32_t ht_bits_of(float x) {
  ht_float_bits u;
  u.value = x;
  return u.bits;
}

static inline float ht_float_of(uint32_t bits) {
  ht_float_bits u;
  u.bits = bits;
  return u.value;
}

static inline float ht_abs(float x) { return ht_float_of(ht_bits_of(x) & 0x7fffffffu); }
static inline float ht_copy_sign(float magnitude, float sign) {
  return ht_float_of((ht_bits_of(magnitude) & 0x7fffffffu) | (ht_bits_of(sign) & 0x80000000u));
}
static inline float ht_min(float a, float b) { return a < b ? a : b; }
static inline float ht_max(float a, float b) { return a > b ? a : b; }

// The square root, correctly rounded, digit by digit: x = m * 2^e with m of 24 bits; the root of m * 2^25 or m * 2^26, whichever
// leaves an even exponent, has 25 bits, and the last one rounds. Ties there are none.
static inline float ht_sqrt_of_bits(float x) {
  uint32_t bits = ht_bits_of(x);
  int32_t exponent = (int32_t)(bits >> 23);
  if (x == 0.0f || bits == 0x7f800000u) return x;
  if (!(x > 0.0f)) return ht_float_of(0x7fc00000u);
  uint64_t m = bits & 0x7fffffu;
  if (exponent > 0) m |= 0x800000u;
  else exponent = 1;
  for (; m < 0x800000u; --exponent) m <<= 1;
  int32_t shift = exponent % 2 == 0 ? 26 : 25;
  uint64_t square = m << shift;
  uint64_t root = 0;
  for (uint64_t bit = (uint64_t)1 << 24; bit > 0; bit >>= 1)
    if ((root + bit) * (root + bit) <= square) root += bit;
  uint32_t rounded = (uint32_t)((root + 1) >> 1);
  int32_t scale = (exponent - 150 - shift) / 2 + 1;  // the quotient is exact
  return ht_float_of(((uint32_t)(scale + 150) << 23) + (rounded - 0x800000u));
}

// By the processor where it can and the compiler need not set errno, which takes a library.
static inline float ht_sqrt(float x) {
#if defined(__NO_MATH_ERRNO__) && (defined(__x86_64__) || defined(__aarch64__) || (defined(__ARM_FP) && (__ARM_FP & 4)))
  return __builtin_sqrtf(x);
#else
  return ht_sqrt_of_bits(x);
#endif
}

// Half to even; floor and ceil. Floats of 2^23 and more have no fraction.
static inline float ht_rint(float x) {
  float magic = ht_copy_sign(8388608.0f, x);
  float rounded = ht_copy_sign((x + magic) - magic, x);
  return ht_abs(x) < 8388608.0f ? rounded : x;
}
static inline float ht_floor(float x) {
  float rounded = ht_rint(x);
  float lower = rounded - 1.0f;
  return rounded > x ? lower : rounded;
}
static inline float ht_ceil(float x) {
  float rounded = ht_rint(x);
  float upper = ht_copy_sign(rounded + 1.0f, x);
  return rounded < x ? upper : rounded;
}

// (exp(r) - 1 - r) / r^2 for |r| <= 0.35
static inline float ht_exp_tail(float r) {
  float y = 0.00139421539f;
  y = y * r + 0.00836377591f;
  y = y * r + 0.0416663624f;
  y = y * r + 0.166665733f;
  return y * r + 0.5f;
}

static inline float ht_power_of_two(uint32_t biased) { return ht_float_of(biased << 23); }

static inline float ht_exp(float x) {
  float y = x < -104.0f ? -104.0f : x;
  y = y > 89.0f ? 89.0f : y;
  float shifted = y * 1.44269504f + 12582912.0f;
  float n = shifted - 12582912.0f;
  float r = (y - n * 0.693359375f) + n * 0.000212194440f;
  float p = 1.0f + (r + (r * r) * ht_exp_tail(r));
  // 2^n in two factors, because n may leave the range of exponents by itself.
  int32_t exponent = (int32_t)(ht_bits_of(shifted) - 0x4b400000u);
  int32_t half = exponent >> 1;
  return (p * ht_power_of_two((uint32_t)(half + 127))) * ht_power_of_two((uint32_t)(exponent - half + 127));
}

static inline float ht_expm1(float x) {
  float near = x + (x * x) * ht_exp_tail(x);
  float far = ht_exp(x) - 1.0f;
  return ht_abs(x) < 0.34f ? near : far;
}

static inline float ht_log(float x) {
  bool subnormal = x < 1.17549435e-38f;
  float scaled = x * 8388608.0f;
  float y = subnormal ? scaled : x;
  uint32_t offset = ht_bits_of(y) - 0x3f3504f3u;  // the bits of sqrt(1/2)
  int32_t exponent = (int32_t)offset >> 23;
  float f = ht_float_of(ht_bits_of(y) - ((uint32_t)exponent << 23)) - 1.0f;
  float n = (float)(exponent - (subnormal ? 23 : 0));
  float p = 0.0733226314f;
  p = p * f - 0.11659807f;
  p = p * f + 0.116347052f;
  p = p * f - 0.123967201f;
  p = p * f + 0.142511532f;
  p = p * f - 0.166691497f;
  p = p * f + 0.200006887f;
  p = p * f - 0.249999806f;
  p = p * f + 0.333333313f;
  float s = f * f;
  float low = (f * s) * p + (n * -0.000212194440f - 0.5f * s);
  float result = (low + f) + n * 0.693359375f;
  float infinity = ht_float_of(0x7f800000u);
  float undefined = ht_float_of(0x7fc00000u);
  result = x == 0.0f ? -infinity : result;
  result = x < 0.0f ? undefined : result;
  result = x == infinity ? infinity : result;
  return x != x ? x : result;
}

static inline float ht_log1p_of_exp(float e) {  // log(1 + e), e >= 0
  float u = 1.0f + e;
  return ht_log(u) - ((u - 1.0f) - e) / u;
}

static inline float ht_sigmoid(float x) {
  float e = ht_exp(-ht_abs(x));
  float numerator = x >= 0.0f ? 1.0f : e;
  return numerator / (1.0f + e);
}

static inline float ht_tanh(float x) {
  float magnitude = ht_abs(x);
  float s = x * x;
  float p = -0.00611318089f;
  p = p * s + 0.0210100729f;
  p = p * s - 0.0538540669f;
  p = p * s + 0.133327946f;
  p = p * s - 0.333333284f;
  float near = x + (x * s) * p;
  float far = ht_copy_sign(1.0f - 2.0f / (ht_exp(2.0f * magnitude) + 1.0f), x);
  return magnitude < 0.625f ? near : far;
}

static inline float ht_erf(float x) {
  float magnitude = ht_abs(x);
  float s = x * x;
  float p = -9.68013046e-06f;
  p = p * s + 0.000112705427f;
  p = p * s - 0.000848471129f;
  p = p * s + 0.00522107491f;
  p = p * s - 0.0268654451f;
  p = p * s + 0.112837829f;
  p = p * s - 0.376126379f;
  p = p * s + 1.12837923f;
  float near = x * p;
  float t = magnitude > 4.0f ? 4.0f : magnitude;
  float q = 1.69048747e-07f;  // -log(1 - erf(t)) for t in [0.95, 4]
  q = q * t + 1.92719217e-05f;
  q = q * t - 0.000426557322f;
  q = q * t + 0.00415394083f;
  q = q * t - 0.0251020808f;
  q = q * t + 0.108278878f;
  q = q * t + 0.633332551f;
  q = q * t + 1.12952745f;
  q = q * t - 0.000178146322f;
  float far = ht_copy_sign(1.0f - ht_exp(-q), x);
  float result = magnitude < 1.0f ? near : far;
  return x != x ? x : result;
}

static inline float ht_softplus(float x) { return ht_max(x, 0.0f) + ht_log1p_of_exp(ht_exp(-ht_abs(x))); }

static inline float ht_mish(float x) {  // tanh(log(1 + e)) = (e^2 + 2e) / (e^2 + 2e + 2)
  float e = ht_exp(ht_min(x, 20.0f));
  float n = e * (e + 2.0f);
  float y = x * (n / (n + 2.0f));
  return x > 20.0f ? x : y;
}

static inline float ht_gelu(float x) { return (0.5f * x) * (1.0f + ht_erf(x * 0.707106781f)); }
static inline float ht_gelu_tanh(float x) {
  return (0.5f * x) * (1.0f + ht_tanh(0.797884561f * (x + 0.044715f * ((x * x) * x))));
}

// x^y by double arithmetic: exp(y log |x|).
static inline double ht_log_double(double x) {  // x > 0, normal
  int32_t exponent = 0;
  double power = 1.0;
  for (; x * power > 1.4142135623730951; --exponent) power *= 0.5;
  exponent = -exponent;
  for (; x * power < 0.7071067811865476; --exponent) power *= 2.0;
  double m = x * power;
  double s = (m - 1.0) / (m + 1.0);
  double z = s * s;
  double sum = 1.0 / 19.0;
  for (int32_t k = 17; k >= 1; k -= 2) sum = sum * z + 1.0 / (double)k;
  return 2.0 * s * sum + (double)exponent * 0.6931471805599453;
}

static inline double ht_exp_double(double x) {
  x = x < -200.0 ? -200.0 : (x > 200.0 ? 200.0 : x);
  int32_t n = (int32_t)(x * 1.4426950408889634 + (x < 0.0 ? -0.5 : 0.5));
  double r = (x - (double)n * 0.693147180369123816490) - (double)n * 1.90821492927058770002e-10;
  double sum = 1.0;
  for (int32_t k = 13; k >= 1; --k) sum = 1.0 + sum * r / (double)k;
  for (; n > 0; --n) sum *= 2.0;
  for (; n < 0; ++n) sum *= 0.5;
  return sum;
}

static inline float ht_pow(float x, float y) {
  const float infinity = ht_float_of(0x7f800000u);
  const float magnitude = ht_abs(x);
  const bool integer = ht_rint(y) == y;
  const bool odd = integer && ht_abs(y) < 16777216.0f && ((int32_t)y & 1) != 0;
  if (y == 0.0f || x == 1.0f) return 1.0f;
  if (x != x || y != y) return x + y;
  if (x < 0.0f && !integer && magnitude != infinity) return ht_float_of(0x7fc00000u);
  float result;
  if (ht_abs(y) == infinity) {
    result = magnitude == 1.0f ? 1.0f : ((magnitude > 1.0f) == (y > 0.0f) ? infinity : 0.0f);
  } else if (magnitude == 0.0f || magnitude == infinity) {
    result = (magnitude == 0.0f) == (y > 0.0f) ? 0.0f : infinity;
  } else {
    result = (float)ht_exp_double((double)y * ht_log_double((double)magnitude));
  }
  return odd && ht_bits_of(x) >> 31 ? -result : result;
}

// x mod y with the sign of x, exact: the long division of the significands, one bit a step.
static inline float ht_fmod(float x, float y) {
  const uint32_t sign = ht_bits_of(x) & 0x80000000u;
  uint32_t a = ht_bits_of(x) & 0x7fffffffu, b = ht_bits_of(y) & 0x7fffffffu;
  if (b == 0 || a >= 0x7f800000u || b > 0x7f800000u) return ht_float_of(0x7fc00000u);
  if (a < b) return x;
  int32_t a_exponent = a < 0x800000u ? 1 : (int32_t)(a >> 23), b_exponent = b < 0x800000u ? 1 : (int32_t)(b >> 23);
  a = a < 0x800000u ? a : (a & 0x7fffffu) | 0x800000u;
  b = b < 0x800000u ? b : (b & 0x7fffffu) | 0x800000u;
  for (; b < 0x800000u; --b_exponent) b <<= 1;
  for (; a < 0x800000u; --a_exponent) a <<= 1;
  for (; a_exponent > b_exponent; --a_exponent) a = (a >= b ? a - b : a) << 1;
  a = a >= b ? a - b : a;
  for (; b_exponent < 1; ++b_exponent) a >>= 1;  // exact: the rest is a multiple of the least subnormal, as x and y are
  for (; a != 0 && a < 0x800000u && b_exponent > 1; --b_exponent) a <<= 1;
  return ht_float_of(sign | (a < 0x800000u ? a : ((uint32_t)b_exponent << 23) | (a & 0x7fffffu)));
}

// The nearest multiple of pi/2, modulo 4 in *quadrant, and what is left beside it. Up to 2^25 by subtracting in two parts, the
// first of which is exact; beyond by the bits of 2/pi that matter (Payne and Hanek).
static inline double ht_reduce_angle(float x, int32_t* quadrant) {
  static const uint32_t two_over_pi[] = {0xa2f9836eu, 0x4e441529u, 0xfc2757d1u, 0xf534ddc0u, 0xdb629599u,
                                         0x3c439041u, 0xfe5163abu, 0xdebbc561u, 0xb7246e3au};
  if (ht_abs(x) < 33554432.0f) {
    const double n = ((double)x * 0.63661977236758138 + 6755399441055744.0) - 6755399441055744.0;
    *quadrant = (int32_t)n & 3;
    return ((double)x - n * 1.570796325802803) - n * 9.920935796805404e-10;
  }
  const uint32_t bits = ht_bits_of(x) & 0x7fffffffu;
  const uint64_t significand = (bits & 0x7fffffu) | 0x800000u;
  // x = significand * 2^e; bit i of 2/pi (from 1) is worth 2^(e - i) of it, which is a multiple of 4 up to i = e - 2.
  const uint32_t skipped = (bits >> 23) - 150u - 2u, word = skipped / 32, shift = skipped % 32;
  uint32_t window[3];
  for (uint32_t k = 0; k < 3; ++k)
    window[k] = shift == 0 ? two_over_pi[word + k]
                           : (two_over_pi[word + k] << shift) | (two_over_pi[word + k + 1] >> (32u - shift));
  const uint64_t turn = ((significand * window[0]) << 32) + significand * window[1] + ((significand * window[2]) >> 32);
  const uint64_t nearest = (turn + ((uint64_t)1 << 61)) >> 62;
  const double rest = (double)(int64_t)(turn - (nearest << 62)) * 3.4061215800304826e-19;  // pi/2 * 2^-62
  const bool negative = x < 0.0f;
  *quadrant = (int32_t)(negative ? 0 - nearest : nearest) & 3;
  return negative ? -rest : rest;
}

static inline double ht_sin_near(double r) {
  const double s = r * r;
  return r + r * s * (-1.0 / 6 + s * (1.0 / 120 + s * (-1.0 / 5040 + s * (1.0 / 362880 - s * (1.0 / 39916800)))));
}
static inline double ht_cos_near(double r) {
  const double s = r * r;
  return 1.0 + s * (-0.5 + s * (1.0 / 24 + s * (-1.0 / 720 + s * (1.0 / 40320 + s * (-1.0 / 3628800 + s * (1.0 / 479001600))))));
}

static inline float ht_sin_from(float x, int32_t turned) {  // sin(x + turned * pi / 2)
  if (!(ht_abs(x) < ht_float_of(0x7f800000u))) return ht_float_of(0x7fc00000u);
  int32_t quadrant;
  const double r = ht_reduce_angle(x, &quadrant);
  quadrant = (quadrant + turned) & 3;
  const double y = quadrant & 1 ? ht_cos_near(r) : ht_sin_near(r);
  return (float)(quadrant & 2 ? -y : y);
}
static inline float ht_sin(float x) { return x == 0.0f ? x : ht_sin_from(x, 0); }
static inline float ht_cos(float x) { return ht_sin_from(x, 1); }

#endif
