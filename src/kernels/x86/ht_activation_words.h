// SPDX-License-Identifier: Apache-2.0
// Activations that rise, in words. Such a function is max(t, 0) and what is left of it, which fits into 16 bits: above 0,
// base + (slope * u >> shift) + (t - inside) is (base - start) + ((slope - 1) * u >> shift) + t, because inside = start + u, all
// in the units of t. The high half of a product of words is that product >> 16, so that one factor of each is 2^(16 - shift)
// times as large.
#ifndef HT_ACTIVATION_WORDS_H
#define HT_ACTIVATION_WORDS_H

#include "kernels/c/ht_finish.h"

typedef struct ht_activation_words {
  int16_t curve[HT_ACTIVATION_PIECES], slope[HT_ACTIVATION_PIECES],
      base[HT_ACTIVATION_PIECES];  // curve is 2^(16 - shift) times as large
  int32_t piece_shift;
} ht_activation_words;

static inline bool ht_is_word(int32_t x) { return x >= INT16_MIN && x <= INT16_MAX; }

// False where the function does not rise or a number needs more than 16 bits.
static inline bool ht_make_words(const ht_activation* f, ht_activation_words* v) {
  const int32_t half = HT_ACTIVATION_PIECES / 2, up = 1 << (16 - f->piece_shift);
  if (!f->rises) return false;
  for (int32_t i = 0; i < HT_ACTIVATION_PIECES; ++i) {
    const int32_t rise = i >= half ? 1 << f->piece_shift : 0;
    const int32_t curve = f->curve[i], slope = f->slope[i] - rise, base = f->base[i] - (i - half) * rise;
    const int32_t lowest = slope + (curve < 0 ? curve : 0), highest = slope + (curve > 0 ? curve : 0);
    if (curve < INT16_MIN || curve > INT16_MAX || !ht_is_word(curve * up) || !ht_is_word(slope) || !ht_is_word(lowest * up) ||
        !ht_is_word(highest * up) || !ht_is_word(base + (lowest < 0 ? lowest : 0)) ||
        !ht_is_word(base + (highest > 0 ? highest : 0)))
      return false;
    v->curve[i] = (int16_t)(curve * up);
    v->slope[i] = (int16_t)slope;
    v->base[i] = (int16_t)base;
  }
  v->piece_shift = f->piece_shift;
  return true;
}

#endif
