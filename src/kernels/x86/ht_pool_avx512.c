// SPDX-License-Identifier: Apache-2.0
#include <immintrin.h>

#include "kernels/x86/ht_elements_x86.h"
#include "kernels/x86/ht_taps.h"

// The maximum of a window in up to 64 channels at once.
static void take_maximum(const ht_pool_params* p, const int8_t* image, int32_t top, int32_t left, ht_taps y, ht_taps x,
                         int8_t* out) {
  for (int32_t first = 0; first < p->channels; first += 64) {
    const int32_t count = p->channels - first;
    const __mmask64 mask = count >= 64 ? ~(__mmask64)0 : ((__mmask64)1 << count) - 1;
    __m512i best = _mm512_set1_epi8(INT8_MIN);
    for (int32_t ky = y.first; ky < y.last; ++ky) {
      const int8_t* row = image + (ptrdiff_t)(top + ky * p->dilation_height) * p->input_width * p->input_stride + first;
      for (int32_t kx = x.first; kx < x.last; ++kx)
        best = _mm512_max_epi8(best,
                               _mm512_maskz_loadu_epi8(mask, row + (ptrdiff_t)(left + kx * p->dilation_width) * p->input_stride));
    }
    _mm512_mask_storeu_epi8(out + first, mask, best);
  }
}

void ht_pool_run_avx512(const ht_pool_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  if (p->kind != HT_POOL_MAX) {
    ht_pool_avx512vnni(p, a, begin, end);
    return;
  }
  const size_t image_size = (size_t)p->input_height * (size_t)p->input_width * (size_t)p->input_stride;
  for (int32_t row = begin; row < end; ++row) {
    const int8_t* image = (const int8_t*)a->inputs[0] + (size_t)(row / p->output_height) * image_size;
    const int32_t top = row % p->output_height * p->stride_height - p->pad_top;
    const ht_taps y = ht_taps_inside(top, p->dilation_height, p->kernel_height, p->input_height);
    int8_t* out = (int8_t*)a->output + (size_t)row * (size_t)p->output_width * (size_t)p->output_stride;
    for (int32_t ox = 0; ox < p->output_width; ++ox, out += p->output_stride) {
      const int32_t left = ox * p->stride_width - p->pad_left;
      take_maximum(p, image, top, left, y, ht_taps_inside(left, p->dilation_width, p->kernel_width, p->input_width), out);
    }
  }
}
