// SPDX-License-Identifier: Apache-2.0
#include <immintrin.h>

#include "kernels/c/ht_requantize.h"
#include "kernels/x86/ht_elements_x86.h"
#include "kernels/x86/ht_taps.h"

// A window of taps: the first one, bytes from tap to tap.
typedef struct window {
  const int8_t* first;
  int32_t rows, columns;
  ptrdiff_t row_step, step;
} window;

// The maximum of a window in up to 64 channels.
static inline void take_maximum_64(const window* w, __mmask64 mask, int8_t* out) {
  __m512i best = _mm512_set1_epi8(INT8_MIN);
  const int8_t* row = w->first;
  for (int32_t y = 0; y < w->rows; ++y, row += w->row_step)
    for (int32_t x = 0; x < w->columns; ++x) best = _mm512_max_epi8(best, _mm512_maskz_loadu_epi8(mask, row + x * w->step));
  _mm512_mask_storeu_epi8(out, mask, best);
}

// In up to 32 channels: half a vector lies across fewer borders of cache lines.
static inline void take_maximum_32(const window* w, __mmask32 mask, int8_t* out) {
  __m256i best = _mm256_set1_epi8(INT8_MIN);
  const int8_t* row = w->first;
  for (int32_t y = 0; y < w->rows; ++y, row += w->row_step)
    for (int32_t x = 0; x < w->columns; ++x) best = _mm256_max_epi8(best, _mm256_maskz_loadu_epi8(mask, row + x * w->step));
  _mm256_mask_storeu_epi8(out, mask, best);
}

static inline __attribute__((always_inline)) void take_maximum(window w, int32_t channels, int8_t* out) {
  for (; channels > 32; channels -= 64, w.first += 64, out += 64)
    take_maximum_64(&w, channels >= 64 ? ~(__mmask64)0 : ((__mmask64)1 << channels) - 1, out);
  if (channels > 0) take_maximum_32(&w, (__mmask32)(~0u >> (32 - channels)), out);
}

// Windows side by side, `advance` bytes from one to the next; the frequent sizes are constants to the compiler.
static void take_maxima(window w, ptrdiff_t advance, const ht_pool_params* p, int32_t count, int8_t* out) {
  const int32_t rows = w.rows, columns = w.columns;
  for (int32_t i = 0; i < count; ++i, w.first += advance, out += p->output_stride) {
    if (rows == 2 && columns == 2) {
      take_maximum((window){w.first, 2, 2, w.row_step, w.step}, p->channels, out);
    } else if (rows == 3 && columns == 3) {
      take_maximum((window){w.first, 3, 3, w.row_step, w.step}, p->channels, out);
    } else {
      take_maximum(w, p->channels, out);
    }
  }
}

// The mean of a window in up to 16 channels; `count` is the divisor.
static inline void take_mean_16(const ht_pool_params* p, const window* w, int32_t first, __mmask16 mask, float count, int8_t* out) {
  const ht_epilogue* e = &p->epilogue;
  const int32_t taps = w->rows > 0 && w->columns > 0 ? w->rows * w->columns : 0;
  __m512i sum = _mm512_setzero_si512();
  const int8_t* row = w->first + first;
  for (int32_t y = 0; y < w->rows; ++y, row += w->row_step)
    for (int32_t x = 0; x < w->columns; ++x)
      sum = _mm512_add_epi32(sum, _mm512_cvtepi8_epi32(_mm_maskz_loadu_epi8(mask, row + x * w->step)));
  const __m512i zero = _mm512_cvtepi8_epi32(_mm_maskz_loadu_epi8(mask, p->input_zero_point + first));
  sum = _mm512_sub_epi32(sum, _mm512_mullo_epi32(zero, _mm512_set1_epi32(taps)));
  const __m512 limit = _mm512_set1_ps(1024.0f), multiplier = _mm512_maskz_loadu_ps(mask, e->multiplier.real + first);
  __m512 mean = _mm512_mul_ps(_mm512_div_ps(_mm512_cvtepi32_ps(sum), _mm512_set1_ps(count)), multiplier);
  mean = _mm512_min_ps(_mm512_max_ps(mean, _mm512_sub_ps(_mm512_setzero_ps(), limit)), limit);
  __m512i q = _mm512_cvt_roundps_epi32(mean, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  q = _mm512_add_epi32(q, _mm512_cvtepi8_epi32(_mm_maskz_loadu_epi8(mask, e->zero_point + first)));
  q = _mm512_max_epi32(q, _mm512_cvtepi8_epi32(_mm_maskz_loadu_epi8(mask, e->minimum + first)));
  q = _mm512_min_epi32(q, _mm512_cvtepi8_epi32(_mm_maskz_loadu_epi8(mask, e->maximum + first)));
  _mm_mask_storeu_epi8(out + first, mask, _mm512_cvtsepi32_epi8(q));
}

static int32_t least(int32_t a, int32_t b) { return a < b ? a : b; }

// How many taps count for the divisor along an axis.
static int32_t counted(const ht_pool_params* p, ht_taps taps, int32_t start, int32_t dilation, int32_t kernel, int32_t end) {
  if (!p->count_padding) return taps.last > taps.first ? taps.last - taps.first : 0;
  return start >= end ? 0 : least(kernel, (end - start + dilation - 1) / dilation);
}

// Of `most` windows from one on that begins in column `left` and lies inside: how many lie inside.
static int32_t whole_windows(const ht_pool_params* p, int32_t left, int32_t most) {
  return least(most, (p->input_width - 1 - left - (p->kernel_width - 1) * p->dilation_width) / p->stride_width + 1);
}

static inline void take_mean(const ht_pool_params* p, const window* w, int32_t count, int8_t* out) {
  for (int32_t first = 0; first < p->channels; first += 16) {
    const int32_t left = p->channels - first;
    take_mean_16(p, w, first, (__mmask16)(left >= 16 ? 0xffffu : (1u << left) - 1u), (float)(count > 0 ? count : 1), out);
  }
}

void ht_pool_run_avx512(const ht_pool_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  if (p->kind != HT_POOL_MAX && p->epilogue.policy != HT_FLOAT_HALF_EVEN) {
    ht_pool_avx512vnni(p, a, begin, end);
    return;
  }
  const size_t image_size = (size_t)p->input_height * (size_t)p->input_width * (size_t)p->input_stride;
  for (int32_t row = begin; row < end; ++row) {
    const int8_t* image = (const int8_t*)a->inputs[0] + (size_t)(row / p->output_height) * image_size;
    const int32_t top = row % p->output_height * p->stride_height - p->pad_top;
    const ht_taps y = ht_taps_inside(top, p->dilation_height, p->kernel_height, p->input_height);
    int8_t* out = (int8_t*)a->output + (size_t)row * (size_t)p->output_width * (size_t)p->output_stride;
    const int32_t counted_y = counted(p, y, top, p->dilation_height, p->kernel_height, p->input_height + p->pad_bottom);
    const ptrdiff_t row_pitch = (ptrdiff_t)p->input_width * p->input_stride;
    const int8_t* lines = image + (ptrdiff_t)(top + y.first * p->dilation_height) * row_pitch;
    for (int32_t ox = 0; ox < p->output_width;) {
      const int32_t left = ox * p->stride_width - p->pad_left;
      const ht_taps x = ht_taps_inside(left, p->dilation_width, p->kernel_width, p->input_width);
      const window w = {lines + (ptrdiff_t)(left + x.first * p->dilation_width) * p->input_stride, y.last - y.first, x.last - x.first,
                        p->dilation_height * row_pitch, (ptrdiff_t)p->dilation_width * p->input_stride};
      int32_t count = 1;
      if (p->kind == HT_POOL_MAX) {
        if (w.columns == p->kernel_width) count = whole_windows(p, left, p->output_width - ox);
        take_maxima(w, (ptrdiff_t)p->stride_width * p->input_stride, p, count, out);
      } else {
        const int32_t counted_x = counted(p, x, left, p->dilation_width, p->kernel_width, p->input_width + p->pad_right);
        take_mean(p, &w, counted_y * counted_x, out);
      }
      ox += count, out += (ptrdiff_t)count * p->output_stride;
    }
  }
}
