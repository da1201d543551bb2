// SPDX-License-Identifier: Apache-2.0
#include "ht_image_resize.h"

// Coefficients are integers in units of 1 / 2048.
#define HT_IMAGE_ONE 2048.0f

static size_t aligned(size_t bytes) { return (bytes + 7u) & ~(size_t)7u; }

static void* take(uint8_t** scratch, size_t bytes) {
  void* p = *scratch;
  *scratch += aligned(bytes);
  return p;
}

static int32_t min_i32(int32_t a, int32_t b) { return a < b ? a : b; }
static int32_t max_i32(int32_t a, int32_t b) { return a > b ? a : b; }
static int32_t clamp_i32(int32_t v, int32_t low, int32_t high) { return min_i32(max_i32(v, low), high); }

static int32_t floor_to_int(double v) {
  const int32_t i = (int32_t)v;
  return i - (v < (double)i);
}

static int32_t ceil_to_int(double v) {
  const int32_t i = (int32_t)v;
  return i + (v > (double)i);
}

// Half to even, for |v| < 2^22: the sum with 1.5 * 2^23 has no fraction bits left.
static int32_t round_to_int(float v) {
  const float shifted = v + 12582912.0f;
  return (int32_t)(shifted - 12582912.0f);
}

static uint8_t to_u8(int32_t v) { return (uint8_t)clamp_i32(v, 0, 255); }

static void copy_bytes(uint8_t* HT_RESTRICT to, const uint8_t* HT_RESTRICT from, size_t n) {
  for (size_t i = 0; i < n; i++) to[i] = from[i];
}

// Source units per destination unit. The two divisions round twice, as in OpenCV, which stores the inverse.
static double scale_of(int32_t src, int32_t dst) { return 1.0 / ((double)dst / (double)src); }

// ---- bilinear ----

// One destination column or row: its two source indices and their coefficients.
typedef struct {
  int32_t index[2];
  int16_t weight[2];
} taps;

// Columns end in the whole weight of the border pixel, rows in two weights of the same row, which may round differently.
static taps linear_taps(int32_t d, int32_t src, int32_t dst, double scale, int area, int column) {
  taps t = {{0}, {0}};
  float x;
  int32_t s;
  if (area) {  // enlarging by area: a source pixel fills its cells, neighbours mix in the cell that they share
    s = floor_to_int((double)d * scale);
    x = (float)((double)(d + 1) - (double)(s + 1) * ((double)dst / (double)src));
    x = x <= 0.0f ? 0.0f : x - (float)floor_to_int(x);
  } else {
    x = (float)(((double)d + 0.5) * scale - 0.5);
    s = floor_to_int(x);
    x -= (float)s;
  }
  if (column && (s < 0 || s >= src - 1)) x = 0.0f;
  t.index[0] = clamp_i32(s, 0, src - 1);
  t.index[1] = clamp_i32(s + 1, 0, src - 1);
  t.weight[0] = (int16_t)round_to_int((1.0f - x) * HT_IMAGE_ONE);
  t.weight[1] = (int16_t)round_to_int(x * HT_IMAGE_ONE);
  return t;
}

static void linear_columns(const uint8_t* HT_RESTRICT src, const taps* HT_RESTRICT columns, int32_t n, int32_t channels,
                           int16_t* HT_RESTRICT out) {
  for (int32_t i = 0; i < n; i++) {
    const uint8_t* a = src + (size_t)columns[i].index[0] * (size_t)channels;
    const uint8_t* b = src + (size_t)columns[i].index[1] * (size_t)channels;
    const int32_t wa = columns[i].weight[0], wb = columns[i].weight[1];
    for (int32_t c = 0; c < channels; c++) *out++ = (int16_t)((a[c] * wa + b[c] * wb) >> 4);
  }
}

static void linear_rows(const int16_t* HT_RESTRICT a, const int16_t* HT_RESTRICT b, int16_t wa, int16_t wb, size_t n,
                        uint8_t* HT_RESTRICT out) {
  for (size_t i = 0; i < n; i++) {
    const int16_t high_a = (int16_t)((a[i] * wa) >> 16), high_b = (int16_t)((b[i] * wb) >> 16);
    out[i] = (uint8_t)((int16_t)(high_a + high_b + 2) >> 2);
  }
}

static void resize_linear(const ht_image_resize_params* r, int area, const uint8_t* src, size_t src_stride, uint8_t* dst,
                          size_t dst_stride, uint8_t* scratch) {
  const size_t n = (size_t)r->dst_width * (size_t)r->channels;
  const double scale_x = scale_of(r->src_width, r->dst_width), scale_y = scale_of(r->src_height, r->dst_height);
  taps* columns = (taps*)take(&scratch, (size_t)r->dst_width * sizeof(taps));
  int16_t* rows[2];
  int32_t held[2] = {-1, -1};
  for (int32_t k = 0; k < 2; k++) rows[k] = (int16_t*)take(&scratch, n * sizeof(int16_t));
  for (int32_t x = 0; x < r->dst_width; x++) columns[x] = linear_taps(x, r->src_width, r->dst_width, scale_x, area, 1);
  for (int32_t y = 0; y < r->dst_height; y++) {
    const taps t = linear_taps(y, r->src_height, r->dst_height, scale_y, area, 0);
    // A source row stays in the buffer of its parity, so neighbours never displace each other.
    for (int32_t k = 0; k < 2; k++) {
      const int32_t wanted = t.index[k];
      if (held[wanted & 1] == wanted) continue;
      linear_columns(src + (size_t)wanted * src_stride, columns, r->dst_width, r->channels, rows[wanted & 1]);
      held[wanted & 1] = wanted;
    }
    linear_rows(rows[t.index[0] & 1], rows[t.index[1] & 1], t.weight[0], t.weight[1], n, dst + (size_t)y * dst_stride);
  }
}

// ---- cubic ----

typedef struct {
  int32_t index[4];
  float weight[4];
} cubic_taps;

// Keys' cubic with a = -3/4. The fraction of the position is exact before it is rounded to float.
static cubic_taps cubic_taps_at(int32_t d, int32_t src, int32_t dst) {
  const double a = -0.75;
  const int64_t unit = 2 * (int64_t)dst, position = (2 * (int64_t)d + 1) * src - dst;
  const int64_t whole = (position + unit) / unit - 1;
  const double x = (float)((double)(position - whole * unit) / (double)unit), y = 1.0 - x;
  cubic_taps t;
  for (int32_t k = 0; k < 4; k++) t.index[k] = clamp_i32((int32_t)whole - 1 + k, 0, src - 1);
  t.weight[0] = (float)(a * x * y * y);
  t.weight[1] = (float)(((a + 2.0) * x - (a + 3.0)) * x * x + 1.0);
  t.weight[2] = (float)(((a + 2.0) * y - (a + 3.0)) * y * y + 1.0);
  t.weight[3] = (float)(a * x * x * y);
  return t;
}

static void cubic_columns(const uint8_t* HT_RESTRICT src, const cubic_taps* HT_RESTRICT columns, int32_t n, int32_t channels,
                          float* HT_RESTRICT out) {
  for (int32_t i = 0; i < n; i++) {
    const cubic_taps* t = &columns[i];
    const uint8_t* pixels[4];
    for (int32_t k = 0; k < 4; k++) pixels[k] = src + (size_t)t->index[k] * (size_t)channels;
    for (int32_t c = 0; c < channels; c++) {
      const float left = (float)pixels[0][c] * t->weight[0] + (float)pixels[1][c] * t->weight[1];
      const float right = (float)pixels[2][c] * t->weight[2] + (float)pixels[3][c] * t->weight[3];
      *out++ = left + right;
    }
  }
}

static void cubic_rows(const float* const rows[4], const float* w, size_t n, uint8_t* HT_RESTRICT out) {
  const float *r0 = rows[0], *r1 = rows[1], *r2 = rows[2], *r3 = rows[3];
  const float w0 = w[0], w1 = w[1], w2 = w[2], w3 = w[3];
  for (size_t i = 0; i < n; i++) {
    const float sum = (r0[i] * w0 + r1[i] * w1) + (r2[i] * w2 + r3[i] * w3);
    out[i] = to_u8(round_to_int(sum));
  }
}

static void resize_cubic(const ht_image_resize_params* r, const uint8_t* src, size_t src_stride, uint8_t* dst, size_t dst_stride,
                         uint8_t* scratch) {
  const size_t n = (size_t)r->dst_width * (size_t)r->channels;
  cubic_taps* columns = (cubic_taps*)take(&scratch, (size_t)r->dst_width * sizeof(cubic_taps));
  float* rows[4];
  int32_t held[4] = {-1, -1, -1, -1};
  for (int32_t k = 0; k < 4; k++) rows[k] = (float*)take(&scratch, n * sizeof(float));
  for (int32_t x = 0; x < r->dst_width; x++) columns[x] = cubic_taps_at(x, r->src_width, r->dst_width);
  for (int32_t y = 0; y < r->dst_height; y++) {
    const cubic_taps t = cubic_taps_at(y, r->src_height, r->dst_height);
    const float* wanted_rows[4];
    for (int32_t k = 0; k < 4; k++) {
      const int32_t wanted = t.index[k];
      wanted_rows[k] = rows[wanted & 3];
      if (held[wanted & 3] == wanted) continue;
      cubic_columns(src + (size_t)wanted * src_stride, columns, r->dst_width, r->channels, rows[wanted & 3]);
      held[wanted & 3] = wanted;
    }
    cubic_rows(wanted_rows, t.weight, n, dst + (size_t)y * dst_stride);
  }
}

// ---- shrinking by area ----

// Source indices [begin, end) of one destination column or row. The first and last may lie in it only in part.
typedef struct {
  int32_t begin, end;
  float first, middle, last;
} span;

static span area_span(int32_t d, int32_t src, double scale) {
  // A sliver narrower than this belongs to the neighbour.
  const double sliver = 1e-3;
  span s;
  const double from = (double)d * scale, to = from + scale;
  const double left = (double)src - from;
  const double width = scale < left ? scale : left;
  int32_t begin = ceil_to_int(from), end = min_i32(floor_to_int(to), src - 1);
  begin = min_i32(begin, end);
  s.middle = (float)(1.0 / width);
  s.first = s.middle;
  s.last = s.middle;
  s.begin = begin;
  s.end = end;
  if (to - (double)end > sliver) {
    double part = to - (double)end;
    if (part > 1.0) part = 1.0;
    if (part > width) part = width;
    s.last = (float)(part / width);
    s.end = end + 1;
    if (begin == end) s.first = s.last;
  }
  if ((double)begin - from > sliver) {
    s.first = (float)(((double)begin - from) / width);
    s.begin = begin - 1;
  }
  return s;
}

static float span_weight(const span* s, int32_t i) {
  if (i == s->begin) return s->first;
  return i == s->end - 1 ? s->last : s->middle;
}

static void area_columns(const uint8_t* HT_RESTRICT src, const span* HT_RESTRICT columns, int32_t n, int32_t channels,
                         float* HT_RESTRICT out) {
  for (int32_t i = 0; i < n; i++) {
    const span s = columns[i];
    for (int32_t c = 0; c < channels; c++) {
      float sum = 0.0f;
      for (int32_t x = s.begin; x < s.end; x++) sum += (float)src[(size_t)x * (size_t)channels + (size_t)c] * span_weight(&s, x);
      *out++ = sum;
    }
  }
}

static void resize_area(const ht_image_resize_params* r, const uint8_t* src, size_t src_stride, uint8_t* dst, size_t dst_stride,
                        uint8_t* scratch) {
  const size_t n = (size_t)r->dst_width * (size_t)r->channels;
  const double scale_x = scale_of(r->src_width, r->dst_width), scale_y = scale_of(r->src_height, r->dst_height);
  span* columns = (span*)take(&scratch, (size_t)r->dst_width * sizeof(span));
  float* row = (float*)take(&scratch, n * sizeof(float));
  float* sum = (float*)take(&scratch, n * sizeof(float));
  for (int32_t x = 0; x < r->dst_width; x++) columns[x] = area_span(x, r->src_width, scale_x);
  for (int32_t y = 0; y < r->dst_height; y++) {
    const span s = area_span(y, r->src_height, scale_y);
    uint8_t* out = dst + (size_t)y * dst_stride;
    for (size_t i = 0; i < n; i++) sum[i] = 0.0f;
    for (int32_t source = s.begin; source < s.end; source++) {
      const float weight = span_weight(&s, source);
      area_columns(src + (size_t)source * src_stride, columns, r->dst_width, r->channels, row);
      for (size_t i = 0; i < n; i++) sum[i] += row[i] * weight;
    }
    for (size_t i = 0; i < n; i++) out[i] = to_u8(round_to_int(sum[i]));
  }
}

// Whole blocks of source pixels. Two by two is the case that rounds half up.
static void resize_blocks(const ht_image_resize_params* r, const uint8_t* src, size_t src_stride, uint8_t* dst,
                          size_t dst_stride) {
  const int32_t block_width = r->src_width / r->dst_width, block_height = r->src_height / r->dst_height;
  const size_t channels = (size_t)r->channels;
  const int halves = block_width == 2 && block_height == 2;
  const float unit = 1.0f / (float)(block_width * block_height);
  for (int32_t y = 0; y < r->dst_height; y++) {
    const uint8_t* rows = src + (size_t)y * (size_t)block_height * src_stride;
    uint8_t* out = dst + (size_t)y * dst_stride;
    for (int32_t x = 0; x < r->dst_width; x++) {
      for (size_t c = 0; c < channels; c++) {
        const uint8_t* block = rows + (size_t)x * (size_t)block_width * channels + c;
        int32_t sum = 0;
        for (int32_t i = 0; i < block_height; i++)
          for (int32_t j = 0; j < block_width; j++) sum += block[(size_t)i * src_stride + (size_t)j * channels];
        *out++ = halves ? (uint8_t)((sum + 2) >> 2) : to_u8(round_to_int((float)sum * unit));
      }
    }
  }
}

// ---- nearest and the choice between all of them ----

static void resize_nearest(const ht_image_resize_params* r, const uint8_t* src, size_t src_stride, uint8_t* dst,
                           size_t dst_stride) {
  const double scale_x = scale_of(r->src_width, r->dst_width), scale_y = scale_of(r->src_height, r->dst_height);
  const size_t channels = (size_t)r->channels;
  for (int32_t y = 0; y < r->dst_height; y++) {
    const uint8_t* row = src + (size_t)min_i32(floor_to_int((double)y * scale_y), r->src_height - 1) * src_stride;
    uint8_t* out = dst + (size_t)y * dst_stride;
    for (int32_t x = 0; x < r->dst_width; x++) {
      const uint8_t* pixel = row + (size_t)min_i32(floor_to_int((double)x * scale_x), r->src_width - 1) * channels;
      for (size_t c = 0; c < channels; c++) *out++ = pixel[c];
    }
  }
}

size_t ht_image_resize_scratch(const ht_image_resize_params* r) {
  const size_t width = (size_t)r->dst_width, n = width * (size_t)r->channels;
  return aligned(width * sizeof(cubic_taps)) + 4 * aligned(n * sizeof(float));
}

void ht_image_resize(const ht_image_resize_params* r, const uint8_t* src, size_t src_stride, uint8_t* dst, size_t dst_stride,
                     void* scratch) {
  const int shrinks = r->dst_width <= r->src_width && r->dst_height <= r->src_height;
  const int blocks = r->src_width % r->dst_width == 0 && r->src_height % r->dst_height == 0;
  const int halves = blocks && r->src_width / r->dst_width == 2 && r->src_height / r->dst_height == 2;
  if (r->src_width == r->dst_width && r->src_height == r->dst_height) {
    const size_t n = (size_t)r->dst_width * (size_t)r->channels;
    for (int32_t y = 0; y < r->dst_height; y++) copy_bytes(dst + (size_t)y * dst_stride, src + (size_t)y * src_stride, n);
  } else if (r->interpolation == HT_IMAGE_NEAREST) {
    resize_nearest(r, src, src_stride, dst, dst_stride);
  } else if (r->interpolation == HT_IMAGE_CUBIC) {
    resize_cubic(r, src, src_stride, dst, dst_stride, (uint8_t*)scratch);
  } else if ((r->interpolation == HT_IMAGE_AREA && blocks) || halves) {
    resize_blocks(r, src, src_stride, dst, dst_stride);
  } else if (r->interpolation == HT_IMAGE_AREA && shrinks) {
    resize_area(r, src, src_stride, dst, dst_stride, (uint8_t*)scratch);
  } else {
    resize_linear(r, r->interpolation == HT_IMAGE_AREA, src, src_stride, dst, dst_stride, (uint8_t*)scratch);
  }
}
