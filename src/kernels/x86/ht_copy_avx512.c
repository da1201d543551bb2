// SPDX-License-Identifier: Apache-2.0
#include <immintrin.h>

#include "kernels/x86/ht_elements_x86.h"
#include "kernels/x86/ht_transpose_avx512.h"

// Rows adjacent on both sides, rows of every second byte, and transpositions of bytes and of words of 32 bits, where adjacent rows of the
// output are adjacent in the input. The rest is left to the compiler's rendering of c/ht_copy.c.
typedef struct row_walk {
  int32_t index[HT_MAX_RANK];
  ptrdiff_t in, out;  // in elements
} row_walk;

static row_walk walk_from(const ht_copy_params* p, int32_t row) {
  row_walk w = {.in = p->input_offset, .out = p->output_offset};
  for (int32_t i = p->rank - 2; i >= 0; --i) {
    w.index[i] = row % p->shape[i];
    row /= p->shape[i];
    w.in += (ptrdiff_t)w.index[i] * p->input_stride[i];
    w.out += (ptrdiff_t)w.index[i] * p->output_stride[i];
  }
  return w;
}

// By as many rows as at most end the run of the innermost outer dimension.
static void advance(const ht_copy_params* p, row_walk* w, int32_t rows) {
  for (int32_t i = p->rank - 2; i >= 0; --i, rows = 1) {
    w->in += (ptrdiff_t)rows * p->input_stride[i];
    w->out += (ptrdiff_t)rows * p->output_stride[i];
    w->index[i] += rows;
    if (w->index[i] < p->shape[i]) return;
    w->in -= (ptrdiff_t)p->shape[i] * p->input_stride[i];
    w->out -= (ptrdiff_t)p->shape[i] * p->output_stride[i];
    w->index[i] = 0;
  }
}

static inline __mmask64 first_bytes(size_t count) { return count >= 64 ? ~(__mmask64)0 : ((__mmask64)1 << count) - 1; }

static void copy_rows(const ht_copy_params* p, const char* in, char* out, int32_t begin, int32_t end) {
  const ptrdiff_t element = p->element_bytes;
  const size_t bytes = (size_t)p->shape[p->rank - 1] * (size_t)p->element_bytes;
  const __mmask64 rest = first_bytes(bytes % 64);
  row_walk w = walk_from(p, begin);
  for (int32_t row = begin; row < end; ++row, advance(p, &w, 1)) {
    const char* from = in + w.in * element;
    char* to = out + w.out * element;
    size_t i = 0;
    for (; i + 64 <= bytes; i += 64) _mm512_storeu_si512(to + i, _mm512_loadu_si512(from + i));
    if (rest) _mm512_mask_storeu_epi8(to + i, rest, _mm512_maskz_loadu_epi8(rest, from + i));
  }
}

static void copy_every_second(const ht_copy_params* p, const char* in, char* out, int32_t begin, int32_t end) {
  const size_t count = (size_t)p->shape[p->rank - 1];
  row_walk w = walk_from(p, begin);
  for (int32_t row = begin; row < end; ++row, advance(p, &w, 1))
    for (size_t i = 0; i < count; i += 32) {
      const size_t now = count - i < 32 ? count - i : 32;
      const __m512i pairs = _mm512_maskz_loadu_epi8(first_bytes(2 * now - 1), in + w.in + 2 * i);
      _mm256_mask_storeu_epi8(out + w.out + i, (__mmask32)first_bytes(now), _mm512_cvtepi16_epi8(pairs));
    }
}

// Leaves `planes` bytes of every four, and zeros behind them.
static __m128i dense_order(int32_t planes) {
  int8_t index[16];
  for (int32_t i = 0; i < 16; ++i) index[i] = (int8_t)(i < 4 * planes ? i / planes * 4 + i % planes : -128);
  return _mm_loadu_si128((const __m128i*)index);
}

// Up to sixteen pixels, adjacent in each of up to four planes, to pixels of as many bytes.
static inline void transpose_few(const char* in, ptrdiff_t plane, int32_t planes, char* out, ptrdiff_t pitch, int32_t pixels,
                                 __m128i dense) {
  const __mmask16 mask = (__mmask16)first_bytes((size_t)pixels);
  const __m128i p0 = _mm_maskz_loadu_epi8(mask, in), zero = _mm_setzero_si128();
  const __m128i p1 = planes > 1 ? _mm_maskz_loadu_epi8(mask, in + plane) : zero;
  const __m128i p2 = planes > 2 ? _mm_maskz_loadu_epi8(mask, in + 2 * plane) : zero;
  const __m128i p3 = planes > 3 ? _mm_maskz_loadu_epi8(mask, in + 3 * plane) : zero;
  const __m128i low01 = _mm_unpacklo_epi8(p0, p1), high01 = _mm_unpackhi_epi8(p0, p1);
  const __m128i low23 = _mm_unpacklo_epi8(p2, p3), high23 = _mm_unpackhi_epi8(p2, p3);
  const __m128i four[4] = {_mm_unpacklo_epi16(low01, low23), _mm_unpackhi_epi16(low01, low23), _mm_unpacklo_epi16(high01, high23),
                           _mm_unpackhi_epi16(high01, high23)};
  if (pitch == planes && planes == 3 && pixels == 16) {
    const __m128i a = _mm_shuffle_epi8(four[0], dense), b = _mm_shuffle_epi8(four[1], dense);
    const __m128i c = _mm_shuffle_epi8(four[2], dense), d = _mm_shuffle_epi8(four[3], dense);
    _mm_storeu_si128((__m128i*)out, _mm_or_si128(a, _mm_slli_si128(b, 12)));
    _mm_storeu_si128((__m128i*)(out + 16), _mm_or_si128(_mm_srli_si128(b, 4), _mm_slli_si128(c, 8)));
    _mm_storeu_si128((__m128i*)(out + 32), _mm_or_si128(_mm_srli_si128(c, 8), _mm_slli_si128(d, 4)));
    return;
  }
  if (pitch == planes) {
    for (int32_t i = 0; i < pixels; i += 4) {
      const int32_t now = pixels - i < 4 ? pixels - i : 4;
      _mm_mask_storeu_epi8(out + i * planes, (__mmask16)first_bytes((size_t)(now * planes)),
                           _mm_shuffle_epi8(four[i / 4], dense));
    }
    return;
  }
  for (int32_t i = 0; i < pixels; ++i)
    _mm_mask_storeu_epi8(out + i * pitch, (__mmask16)first_bytes((size_t)planes),
                         _mm_shuffle_epi8(four[i / 4], _mm_set1_epi32(0x03020100 + 0x04040404 * (i % 4))));
}

// Up to sixteen pixels of up to sixteen planes: four times interleaving the rows of one half with those of the other.
static void transpose_16(const char* in, ptrdiff_t plane, int32_t planes, char* out, ptrdiff_t pitch, int32_t pixels) {
  __m128i a[16], b[16];
  for (int32_t i = 0; i < 16; ++i)
    a[i] = i < planes ? _mm_maskz_loadu_epi8((__mmask16)first_bytes((size_t)pixels), in + i * plane) : _mm_setzero_si128();
  for (int32_t stage = 0; stage < 4; ++stage) {
    for (int32_t i = 0; i < 8; ++i) {
      b[2 * i] = _mm_unpacklo_epi8(a[i], a[i + 8]);
      b[2 * i + 1] = _mm_unpackhi_epi8(a[i], a[i + 8]);
    }
    for (int32_t i = 0; i < 16; ++i) a[i] = b[i];
  }
  const __mmask16 mask = (__mmask16)first_bytes((size_t)planes);
  for (int32_t i = 0; i < pixels; ++i) _mm_mask_storeu_epi8(out + i * pitch, mask, a[i]);
}

static void transpose(const ht_copy_params* p, const char* in, char* out, int32_t begin, int32_t end) {
  const int32_t run = p->rank - 2, planes = p->shape[p->rank - 1];
  const ptrdiff_t plane = p->input_stride[p->rank - 1], pitch = p->output_stride[run];
  const __m128i dense = dense_order(planes <= 4 ? planes : 4);
  row_walk w = walk_from(p, begin);
  for (int32_t row = begin; row < end;) {
    const int32_t left = p->shape[run] - w.index[run] < end - row ? p->shape[run] - w.index[run] : end - row;
    const int32_t pixels = left < 16 ? left : 16;
    if (planes <= 4) {
      transpose_few(in + w.in, plane, planes, out + w.out, pitch, pixels, dense);
    } else {
      for (int32_t c = 0; c < planes; c += 16)
        transpose_16(in + w.in + c * plane, plane, planes - c < 16 ? planes - c : 16, out + w.out + c, pitch, pixels);
    }
    row += pixels;
    advance(p, &w, pixels);
  }
}

// Of sixteen adjacent words of the output of `planes` words a pixel, beginning `first` words behind a pixel's: where each lies in
// the vectors of the first two planes or in those of the last two, and which lie in the latter.
typedef struct word_order {
  __m512i place;
  __mmask16 is_high;
} word_order;

static word_order order_of_words(int32_t planes, int32_t first) {
  int32_t place[16];
  word_order order = {.is_high = 0};
  for (int32_t i = 0; i < 16; ++i) {
    const int32_t plane = (first + i) % planes, pixel = (first + i) / planes;
    place[i] = pixel + plane % 2 * 16;
    if (plane >= 2) order.is_high = (__mmask16)(order.is_high | 1 << i);
  }
  order.place = _mm512_loadu_si512(place);
  return order;
}

static void transpose_words(const ht_copy_params* p, const int32_t* in, int32_t* out, int32_t begin, int32_t end) {
  const int32_t run = p->rank - 2, planes = p->shape[p->rank - 1];
  const ptrdiff_t plane = p->input_stride[p->rank - 1];
  word_order orders[4];
  for (int32_t i = 0; i < planes; ++i) orders[i] = order_of_words(planes, 16 * i);
  row_walk w = walk_from(p, begin);
  for (int32_t row = begin; row < end;) {
    const int32_t left = p->shape[run] - w.index[run] < end - row ? p->shape[run] - w.index[run] : end - row;
    const int32_t pixels = left < 16 ? left : 16;
    const __mmask16 mask = (__mmask16)first_bytes((size_t)pixels);
    const __m512i zero = _mm512_setzero_si512(), p0 = _mm512_maskz_loadu_epi32(mask, in + w.in);
    const __m512i p1 = planes > 1 ? _mm512_maskz_loadu_epi32(mask, in + w.in + plane) : zero;
    const __m512i p2 = planes > 2 ? _mm512_maskz_loadu_epi32(mask, in + w.in + 2 * plane) : zero;
    const __m512i p3 = planes > 3 ? _mm512_maskz_loadu_epi32(mask, in + w.in + 3 * plane) : zero;
    for (int32_t i = 0; i < planes && 16 * i < pixels * planes; ++i) {
      const __m512i low = _mm512_permutex2var_epi32(p0, orders[i].place, p1);
      const __m512i high = _mm512_permutex2var_epi32(p2, orders[i].place, p3);
      const int32_t words = pixels * planes - 16 * i;
      _mm512_mask_storeu_epi32(out + w.out + 16 * i, (__mmask16)first_bytes(words < 16 ? (size_t)words : 16),
                               _mm512_mask_blend_epi32(orders[i].is_high, low, high));
    }
    row += pixels;
    advance(p, &w, pixels);
  }
}

// Up to sixteen rows of `columns` words, of which those of a column are adjacent in the input.
static inline void transpose_columns(const int32_t* in, ptrdiff_t in_step, int32_t* out, ptrdiff_t out_step, int32_t rows, int32_t columns) {
  const __mmask16 mask = (__mmask16)first_bytes((size_t)rows);
  for (int32_t c = 0; c < columns; c += 16) {
    const int32_t now = columns - c < 16 ? columns - c : 16;
    __m512i v[16];
    for (int32_t i = 0; i < 16; ++i) v[i] = i < now ? _mm512_maskz_loadu_epi32(mask, in + (c + i) * in_step) : _mm512_setzero_si512();
    ht_transpose_words(v);
    for (int32_t i = 0; i < 16; ++i)
      if (i < rows) _mm512_mask_storeu_epi32(out + i * out_step + c, (__mmask16)first_bytes((size_t)now), v[i]);
  }
}

// Columns are taken in parts that stay in a cache while all rows are made of them.
static void transpose_many_words(const ht_copy_params* p, const int32_t* in, int32_t* out, int32_t begin, int32_t end) {
  const int32_t run = p->rank - 2, columns = p->shape[p->rank - 1], part = 256;
  const ptrdiff_t in_step = p->input_stride[p->rank - 1], out_step = p->output_stride[run];
  row_walk w = walk_from(p, begin);
  for (int32_t row = begin; row < end;) {
    const int32_t rows = p->shape[run] - w.index[run] < end - row ? p->shape[run] - w.index[run] : end - row;
    for (int32_t c = 0; c < columns; c += part)
      for (int32_t r = 0; r < rows; r += 16)
        transpose_columns(in + w.in + r + c * in_step, in_step, out + w.out + r * out_step + c, out_step, rows - r < 16 ? rows - r : 16,
                          columns - c < part ? columns - c : part);
    row += rows;
    advance(p, &w, rows);
  }
}

void ht_copy_run_avx512(const ht_copy_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  const int32_t last = p->rank - 1;
  const char* in = (const char*)a->inputs[0];
  char* out = (char*)a->output;
  const bool bytes = p->element_bytes == 1 && p->output_stride[last] == 1;
  if (p->input_stride[last] == 1 && p->output_stride[last] == 1) {
    copy_rows(p, in, out, begin, end);
  } else if (bytes && p->input_stride[last] == 2) {
    copy_every_second(p, in, out, begin, end);
  } else if (bytes && p->rank > 1 && p->input_stride[last - 1] == 1) {
    transpose(p, in, out, begin, end);
  } else if (p->element_bytes == 4 && p->rank > 1 && p->shape[last] <= 4 && p->output_stride[last] == 1 &&
             p->input_stride[last - 1] == 1 && p->output_stride[last - 1] == p->shape[last]) {
    transpose_words(p, (const int32_t*)in, (int32_t*)out, begin, end);
  } else if (p->element_bytes == 4 && p->rank > 1 && p->output_stride[last] == 1 && p->input_stride[last - 1] == 1) {
    transpose_many_words(p, (const int32_t*)in, (int32_t*)out, begin, end);
  } else {
    ht_copy_avx512vnni(p, a, begin, end);
  }
}
