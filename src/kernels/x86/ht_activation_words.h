// SPDX-License-Identifier: Apache-2.0
// Activations that rise, in words. Such a function is max(t, 0) and what is left of it, which fits into 16 bits: above 0,
// base + (slope * u >> 15) + (t - inside) is (base - start) + ((slope - 1) * u >> 15) + t, because inside = start + u, the place within
// a piece brought to 15 bits, all in the units of t. With a word a that is 2^15 too large, the high half of a * 2u is
// (a - 2^15) * u >> 15, plus u.
#ifndef HT_ACTIVATION_WORDS_H
#define HT_ACTIVATION_WORDS_H

#include "kernels/c/ht_finish.h"

typedef struct ht_activation_words {
  uint16_t curve[HT_ACTIVATION_PIECES], slope[HT_ACTIVATION_PIECES], base[HT_ACTIVATION_PIECES];  // the first two 2^15 too large
  int32_t piece_shift;
} ht_activation_words;

// False where the function does not rise or a number needs more than 16 bits.
static inline bool ht_make_words(const ht_activation* f, ht_activation_words* v) {
  const int32_t half = HT_ACTIVATION_PIECES / 2;
  if (!f->rises) return false;
  for (int32_t i = 0; i < HT_ACTIVATION_PIECES; ++i) {
    const int32_t rise = i >= half ? 1 << f->piece_shift : 0;
    const int32_t curve = f->curve[i], slope = f->slope[i] - rise, base = f->base[i] - (i - half) * rise;
    const int32_t lowest = slope + (curve < 0 ? curve : 0), highest = slope + (curve > 0 ? curve : 0);
    const bool fits = curve >= INT16_MIN && curve <= INT16_MAX && lowest >= INT16_MIN && highest <= INT16_MAX &&
                      base + (lowest < 0 ? lowest : 0) >= INT16_MIN && base + (highest > 0 ? highest : 0) <= INT16_MAX;
    if (!fits) return false;
    v->curve[i] = (uint16_t)(curve + 32768);
    v->slope[i] = (uint16_t)(slope + 32768);
    v->base[i] = (uint16_t)base;
  }
  v->piece_shift = f->piece_shift;
  return true;
}

#endif
