// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "kernels/x86/ht_conv_x86.h"
#include "kernels/x86/ht_finish_avx512.h"
#include "kernels/x86/ht_padded_row.h"

// A row of the output is one line of bytes, pixel after pixel, worked off in blocks of 64: what a tap reads for it is another
// line of bytes. Rows of the input are copied into a ring, padded, as q + 128 and sorted by their column modulo the stride,
// so that every tap's line is gapless. Unpacking the lines of four taps brings each channel's four bytes together for
// vpdpbusd; in lane l of vector j that leaves channels 16l + 4j to 16l + 4j + 3, and packing the sums to bytes restores the
// order. A block's weights and parameters repeat with the channels: each of the few phases has a copy. Two rows of the output
// are worked off together, because loading weights takes as long as multiplying by them.
enum { kBlock = 64, kVectors = kBlock / HT_VECTOR, kRows = 2 };

typedef struct phase {
  int32_t bias[kBlock];
  float multiplier[kBlock];  // the scale where the output is float
  float second[kBlock];
  int16_t zero_point[kBlock];  // in the order of ht_narrow_64, and the bounds too
  int8_t minimum[kBlock], maximum[kBlock];
} phase;

static int32_t taps_of(const ht_depthwise_params* p) { return p->kernel_height * p->kernel_width; }
static int32_t tap_groups(const ht_depthwise_params* p) { return (taps_of(p) + 3) / 4; }

static int32_t repeats_after(int32_t channels) {  // blocks
  int32_t phases = channels;
  for (int32_t power = 2; power <= kBlock && channels % power == 0; power *= 2) phases = channels / power;
  return phases;
}

// Bytes of a pixel in lines: its channels, or whole blocks of them where they would take too many phases.
static int32_t pitch_of(const ht_depthwise_params* p) {
  enum { kMostPhases = 9 };
  const int32_t whole = (p->input_channels + kBlock - 1) / kBlock * kBlock;
  return repeats_after(p->input_channels) <= kMostPhases ? p->input_channels : whole;
}
static int32_t phases_of(const ht_depthwise_params* p) { return repeats_after(pitch_of(p)); }
static size_t phase_bytes(const ht_depthwise_params* p) { return sizeof(phase) + (size_t)tap_groups(p) * 4 * kBlock; }

static int32_t window_rows(const ht_depthwise_params* p) { return (p->kernel_height - 1) * p->dilation_height + 1; }
static int32_t ring_rows(const ht_depthwise_params* p) { return window_rows(p) + (kRows - 1) * p->stride_height; }
static int32_t columns_of(const ht_depthwise_params* p) {
  return (p->output_width - 1) * p->stride_width + (p->kernel_width - 1) * p->dilation_width + 1;
}
static int32_t plane_width(const ht_depthwise_params* p) { return (columns_of(p) + p->stride_width - 1) / p->stride_width; }
// A tap's line may be read beyond its end, to the end of its last block.
static size_t ring_row_bytes(const ht_depthwise_params* p) {
  const size_t used = (size_t)p->stride_width * (size_t)plane_width(p) * (size_t)pitch_of(p);
  return (used + 2 * kBlock - 1) / kBlock * kBlock;
}
static size_t line_bytes(const ht_depthwise_params* p) {
  return ((size_t)p->output_width * (size_t)pitch_of(p) + kBlock - 1) / kBlock * kBlock;
}

bool ht_depthwise_accepts_avx512vnni(const ht_depthwise_params* p) {
  if (p->channel_multiplier != 1 || taps_of(p) > HT_DEPTHWISE_TAPS) return false;
  const int32_t form =
      ht_prepare_finish(&p->epilogue, p->input_channels, p->bias, (size_t)(p->kernel_height * p->kernel_width)).form;
  return form != HT_FINISH_NORMATIVE && form != HT_FINISH_FIXED;
}

size_t ht_depthwise_packed_avx512vnni(const ht_depthwise_params* p) { return (size_t)phases_of(p) * phase_bytes(p); }

// Scratch: lines of results, then the ring.
size_t ht_depthwise_packed_scratch_avx512vnni(const ht_depthwise_params* p) {
  return kRows * line_bytes(p) * sizeof(float) + (size_t)ring_rows(p) * ring_row_bytes(p) + kBlock;
}

void ht_depthwise_pack_avx512vnni(const ht_depthwise_params* p, void* packed) {
  const ht_epilogue* e = &p->epilogue;
  const int32_t taps = taps_of(p), pitch = pitch_of(p);
  memset(packed, 0, ht_depthwise_packed_avx512vnni(p));
  for (int32_t index = 0; index < phases_of(p); ++index) {
    phase* to = (phase*)((char*)packed + (size_t)index * phase_bytes(p));
    int8_t* weights = (int8_t*)(to + 1);
    for (int32_t i = 0; i < kBlock; ++i) {
      const int32_t c = (index * kBlock + i) % pitch;
      const int32_t at = i % 16 / 4 * HT_VECTOR + i / 16 * 4 + i % 4;
      if (c >= p->input_channels) continue;
      int32_t sum = 0;
      for (int32_t t = 0; t < taps; ++t) {
        const int8_t w = p->weights[t * p->input_channels + c];
        weights[(t / 4 * kBlock + at) * 4 + t % 4] = w;
        sum += w;
      }
      to->bias[at] = p->bias[c] - 128 * sum;
      if (e->output == HT_OUTPUT_F32) {
        to->multiplier[at] = e->scale[c];
        continue;
      }
      to->multiplier[at] = e->multiplier.real[c];
      if (e->output == HT_OUTPUT_ACTIVATED || e->output == HT_OUTPUT_LEAKY) to->second[at] = e->second.real[c];
      to->zero_point[i / 8 % 2 * 32 + i / 16 * 8 + i % 8] = e->zero_point[c];
      to->minimum[i] = e->minimum[c];
      to->maximum[i] = e->maximum[c];
    }
  }
}

static inline int32_t clamp(int32_t x, int32_t least, int32_t most) { return x < least ? least : x > most ? most : x; }

// The columns `within`, `within` + stride, ... of a padded row of the input; `width` is 0 where the row is padding alone.
static void fill_plane(const ht_depthwise_params* p, const int8_t* row, int32_t width, int32_t within, int8_t* to) {
  const __m512i flip = _mm512_set1_epi8(-128);
  const size_t pitch = (size_t)pitch_of(p), channels = (size_t)p->input_channels;
  const int32_t stride = p->stride_width, count = (columns_of(p) - within + stride - 1) / stride;
  const int32_t before = p->pad_left - within;  // columns of padding; then those of the row begin
  const int32_t begin = clamp((before + stride - 1) / stride, 0, count), end = clamp((before + width + stride - 1) / stride, begin, count);
  for (int32_t i = 0; i < begin; ++i) ht_copy_flipped(p->padding, channels, flip, to + (size_t)i * pitch);
  for (int32_t i = end; i < count; ++i) ht_copy_flipped(p->padding, channels, flip, to + (size_t)i * pitch);
  for (size_t c = 0; c < channels; c += kBlock) {
    const __mmask64 mask = channels - c < kBlock ? ~(__mmask64)0 >> (kBlock - (channels - c)) : ~(__mmask64)0;
    const int8_t* from = row + (ptrdiff_t)(begin * stride - before) * p->input_stride + c;
    for (int32_t i = begin; i < end; ++i, from += (ptrdiff_t)stride * p->input_stride)
      _mm512_mask_storeu_epi8(to + (size_t)i * pitch + c, mask, _mm512_xor_si512(_mm512_maskz_loadu_epi8(mask, from), flip));
  }
}

// Row y of the input, which may lie outside of it.
static void fill_ring_row(const ht_depthwise_params* p, const int8_t* image, int32_t y, int8_t* to) {
  const size_t pitch = (size_t)pitch_of(p);
  const bool inside = y >= 0 && y < p->input_height;
  const int8_t* row = image + (ptrdiff_t)(inside ? y : 0) * p->input_width * p->input_stride;
  const int32_t width = inside ? p->input_width : 0;
  if (p->stride_width == 1 && pitch == (size_t)p->input_stride) {
    ht_copy_padded_row(row, pitch, p->padding, (size_t)p->input_channels, pitch, p->pad_left, width, columns_of(p), _mm512_set1_epi8(-128), to);
    return;
  }
  for (int32_t within = 0; within < p->stride_width; ++within) fill_plane(p, row, width, within, to + (size_t)within * (size_t)plane_width(p) * pitch);
}

// Adds to the sums of a block what four taps give, whose lines hold its 64 channels from `at` on.
static inline void add_four_taps(__m512i* s, const uint8_t* const* lines, size_t at, const __m512i* w) {
  const __m512i d0 = _mm512_loadu_si512(lines[0] + at), d1 = _mm512_loadu_si512(lines[1] + at);
  const __m512i d2 = _mm512_loadu_si512(lines[2] + at), d3 = _mm512_loadu_si512(lines[3] + at);
  const __m512i low01 = _mm512_unpacklo_epi8(d0, d1), high01 = _mm512_unpackhi_epi8(d0, d1);
  const __m512i low23 = _mm512_unpacklo_epi8(d2, d3), high23 = _mm512_unpackhi_epi8(d2, d3);
  s[0] = _mm512_dpbusd_epi32(s[0], _mm512_unpacklo_epi16(low01, low23), w[0]);
  s[1] = _mm512_dpbusd_epi32(s[1], _mm512_unpackhi_epi16(low01, low23), w[1]);
  s[2] = _mm512_dpbusd_epi32(s[2], _mm512_unpacklo_epi16(high01, high23), w[2]);
  s[3] = _mm512_dpbusd_epi32(s[3], _mm512_unpackhi_epi16(high01, high23), w[3]);
}

// The same of one tap, which odd filters have behind all fours.
static inline void add_one_tap(__m512i* s, const uint8_t* line, size_t at, const __m512i* w) {
  const __m512i d = _mm512_loadu_si512(line + at), first = _mm512_set4_epi32(~0xff | 3, ~0xff | 2, ~0xff | 1, ~0xff);
  for (int32_t j = 0; j < kVectors; ++j)
    s[j] = _mm512_dpbusd_epi32(s[j], _mm512_shuffle_epi8(d, _mm512_add_epi32(first, _mm512_set1_epi32(4 * j))), w[j]);
}

// Four vectors whose lanes l hold parts j = 0 to 3 of channels 16l to 16l + 15, stored in the order of channels.
static inline void store_floats(float* to, const __m512i s[kVectors]) {
  const __m512 a = _mm512_castsi512_ps(s[0]), b = _mm512_castsi512_ps(s[1]), c = _mm512_castsi512_ps(s[2]), d = _mm512_castsi512_ps(s[3]);
  const __m512 ab_low = _mm512_shuffle_f32x4(a, b, 0x44), ab_high = _mm512_shuffle_f32x4(a, b, 0xee);
  const __m512 cd_low = _mm512_shuffle_f32x4(c, d, 0x44), cd_high = _mm512_shuffle_f32x4(c, d, 0xee);
  _mm512_storeu_ps(to, _mm512_shuffle_f32x4(ab_low, cd_low, 0x88));
  _mm512_storeu_ps(to + HT_VECTOR, _mm512_shuffle_f32x4(ab_low, cd_low, 0xdd));
  _mm512_storeu_ps(to + 2 * HT_VECTOR, _mm512_shuffle_f32x4(ab_high, cd_high, 0x88));
  _mm512_storeu_ps(to + 3 * HT_VECTOR, _mm512_shuffle_f32x4(ab_high, cd_high, 0xdd));
}

// Lines of the input that the taps of an output row read.
typedef struct tap_lines {
  const uint8_t* at[HT_DEPTHWISE_TAPS + 3];
} tap_lines;

// Lines of `count` results each to places with room for whole blocks, or, where `exact`, for just as many. `rows` and `form` are constants
// where this is inlined.
static inline __attribute__((always_inline)) void convolve_lines(const ht_depthwise_params* p, const ht_finisher* f, const tap_lines* lines,
                                                                 size_t count, bool exact, void* const* output, int32_t rows, int32_t form) {
  const ht_activation_registers v = f->function;
  const int32_t phases = phases_of(p), fours = taps_of(p) % 4 == 1 ? taps_of(p) / 4 : tap_groups(p);
  const size_t bytes = phase_bytes(p);
  int32_t index = 0;
  for (size_t at = 0; at < count; at += kBlock) {
    const phase* now = (const phase*)((const char*)p->packed + (size_t)index * bytes);
    index = index + 1 == phases ? 0 : index + 1;
    const int8_t* weights = (const int8_t*)(now + 1);
    __m512i sums[kRows * kVectors], w[kVectors];
    ht_scales scales[kRows * kVectors];
    for (int32_t i = 0; i < rows * kVectors; ++i) {
      const int32_t from = i % kVectors * HT_VECTOR;
      sums[i] = _mm512_loadu_si512(now->bias + from);
      scales[i].multiplier = _mm512_loadu_ps(now->multiplier + from);
      scales[i].second = _mm512_loadu_ps(now->second + from);
    }
    for (int32_t g = 0; g < fours; ++g, weights += 4 * kBlock) {
      for (int32_t j = 0; j < kVectors; ++j) w[j] = _mm512_loadu_si512(weights + j * kBlock);
      for (int32_t r = 0; r < rows; ++r) add_four_taps(sums + r * kVectors, lines[r].at + 4 * g, at, w);
    }
    if (fours < tap_groups(p)) {
      for (int32_t j = 0; j < kVectors; ++j) w[j] = _mm512_loadu_si512(weights + j * kBlock);
      for (int32_t r = 0; r < rows; ++r) add_one_tap(sums + r * kVectors, lines[r].at[4 * fours], at, w);
    }
    if (form != HT_FINISH_F32) ht_requantize(&v, sums, scales, 1, rows * kVectors, form);
    for (int32_t r = 0; r < rows; ++r) {
      __m512i* s = sums + r * kVectors;
      if (form == HT_FINISH_F32) {
        for (int32_t j = 0; j < kVectors; ++j) s[j] = _mm512_castps_si512(_mm512_mul_ps(_mm512_cvtepi32_ps(s[j]), scales[j].multiplier));
        store_floats((float*)output[r] + at, s);
        continue;
      }
      const __m512i done = ht_narrow_64(s[0], s[1], s[2], s[3], _mm512_loadu_si512(now->zero_point),
                                        _mm512_loadu_si512(now->zero_point + kBlock / 2), _mm512_loadu_si512(now->minimum),
                                        _mm512_loadu_si512(now->maximum));
      if (exact && at + kBlock > count) {
        _mm512_mask_storeu_epi8((int8_t*)output[r] + at, ~(__mmask64)0 >> (kBlock - (count - at)), done);
      } else {
        _mm512_storeu_si512((int8_t*)output[r] + at, done);
      }
    }
  }
}

#define HT_CASE(name)                                                                 \
  case name:                                                                          \
    if (rows == 2) {                                                                  \
      convolve_lines(p, f, lines, count, exact, output, 2, name);                     \
    } else {                                                                          \
      convolve_lines(p, f, lines, count, exact, output, 1, name);                     \
    }                                                                                 \
    return;

static void convolve_lines_of(const ht_depthwise_params* p, const ht_finisher* f, const tap_lines* lines, size_t count, bool exact,
                              void* const* output, int32_t rows) {
  switch (f->form) {
    HT_CASE(HT_FINISH_F32)
    HT_CASE(HT_FINISH_S8)
    HT_CASE(HT_FINISH_S8_LARGE)
    HT_CASE(HT_FINISH_LEAKY)
    HT_CASE(HT_FINISH_BOUNDED)
    HT_CASE(HT_FINISH_RISING)
    HT_CASE(HT_FINISH_RISING_LARGE)
  }
}

// Where each tap's line begins; those that only fill up the last four repeat the first one, their weights being 0.
static tap_lines find_lines(const ht_depthwise_params* p, const int8_t* ring, int32_t top) {
  const size_t pitch = (size_t)pitch_of(p), plane = (size_t)plane_width(p) * pitch;
  tap_lines lines;
  int32_t t = 0;
  for (int32_t ky = 0; ky < p->kernel_height; ++ky) {
    const uint8_t* row = (const uint8_t*)ring + (size_t)((top + ky * p->dilation_height) % ring_rows(p)) * ring_row_bytes(p);
    for (int32_t kx = 0; kx < p->kernel_width; ++kx, ++t) {
      const int32_t column = kx * p->dilation_width;
      lines.at[t] = row + (size_t)(column % p->stride_width) * plane + (size_t)(column / p->stride_width) * pitch;
    }
  }
  for (; t % 4 != 0; ++t) lines.at[t] = lines.at[0];
  return lines;
}

void ht_depthwise_run_avx512vnni(const ht_depthwise_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  const ht_finisher finisher =
      ht_prepare_finish(&p->epilogue, p->input_channels, p->bias, (size_t)(p->kernel_height * p->kernel_width));
  const size_t image_size = (size_t)p->input_height * (size_t)p->input_width * (size_t)p->input_stride;
  const size_t channels = (size_t)p->input_channels, pitch = (size_t)pitch_of(p), width = (size_t)p->output_width;
  const size_t element = p->epilogue.output == HT_OUTPUT_F32 ? sizeof(float) : 1;
  const size_t stride = (size_t)p->output_stride * element;
  const bool in_place = element == 1 && pitch == channels && p->output_stride == p->input_channels;
  char* results = (char*)a->scratch;
  int8_t* ring = (int8_t*)results + kRows * line_bytes(p) * sizeof(float);
  int32_t filled = 0;  // rows of the padded input above this one are in the ring, as far as it reaches
  for (int32_t row = begin, rows; row < end; row += rows) {
    const int8_t* image = (const int8_t*)a->inputs[0] + (size_t)(row / p->output_height) * image_size;
    const int32_t oy = row % p->output_height, top = oy * p->stride_height;
    rows = row + 1 < end && oy + 1 < p->output_height ? kRows : 1;
    if (row == begin || oy == 0 || filled < top) filled = top;
    for (const int32_t reach = top + (rows - 1) * p->stride_height + window_rows(p); filled < reach; ++filled)
      fill_ring_row(p, image, filled - p->pad_top, ring + (size_t)(filled % ring_rows(p)) * ring_row_bytes(p));
    tap_lines lines[kRows];
    char* out[kRows];
    void* to[kRows];
    for (int32_t r = 0; r < rows; ++r) {
      lines[r] = find_lines(p, ring, top + r * p->stride_height);
      out[r] = (char*)a->output + (size_t)(row + r) * width * stride;
      to[r] = in_place ? out[r] : results + (size_t)r * line_bytes(p) * sizeof(float);
    }
    convolve_lines_of(p, &finisher, lines, width * pitch, in_place, to, rows);
    for (int32_t r = 0; r < rows && !in_place; ++r)
      for (size_t x = 0; x < width; ++x) memcpy(out[r] + x * stride, (const char*)to[r] + x * pitch * element, channels * element);
  }
}
