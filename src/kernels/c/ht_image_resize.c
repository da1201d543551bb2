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

static size_t values_of(const ht_image_resizer* r) { return (size_t)r->sizes.columns * (size_t)r->sizes.channels; }

static const uint8_t* source_row(const ht_image_resizer* r, int32_t y) {
  return HT_FN(ht_frame_row)(r->frame, y, r->sizes.channels, r->pixels);
}

// The place where row y, resized in width, is held; true in *missing where something else is held there. A row stays in the place of
// its remainder, so neighbours never displace each other.
static void* place_of_row(ht_image_resizer* r, int32_t y, int32_t places, bool* missing) {
  const int32_t k = y & (places - 1);
  *missing = r->held[k] != y;
  r->held[k] = y;
  return r->rows[k];
}

// Source units per destination unit. The two divisions round twice, as in OpenCV, which stores the inverse.
static double scale_of(int32_t src, int32_t dst) { return 1.0 / ((double)dst / (double)src); }

// ---- bilinear ----

// One destination row: its two source rows and their coefficients.
typedef struct {
  int32_t index[2];
  int16_t weight[2];
} taps;

// One destination column: its left source column, which is the border where the right one has no weight.
typedef struct {
  int32_t index;
  int16_t weight[2];
} column_taps;

// Columns end in the whole weight of the border pixel, rows in two weights of the same row, which may round differently.
static taps linear_taps(int32_t d, int32_t src, int32_t dst, double scale, bool area, bool column) {
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

static void linear_begin(ht_image_resizer* r, bool area) {
  const ht_image_resize_params* p = &r->sizes;
  const double scale = scale_of(r->region.width, p->width);
  column_taps* columns = (column_taps*)r->columns;
  for (int32_t x = 0; x < p->columns; x++) {
    const taps t = linear_taps(p->left + x, r->region.width, p->width, scale, area, true);
    columns[x].index = t.index[0];
    columns[x].weight[0] = t.weight[0];
    columns[x].weight[1] = t.weight[1];
  }
}

static void linear_columns(const uint8_t* HT_RESTRICT src, const column_taps* HT_RESTRICT columns, int32_t n, int32_t channels,
                           int16_t* HT_RESTRICT out) {
  for (int32_t i = 0; i < n; i++) {
    const int32_t wa = columns[i].weight[0], wb = columns[i].weight[1];
    const uint8_t* a = src + (size_t)columns[i].index * (size_t)channels;
    const uint8_t* b = wb == 0 ? a : a + channels;
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

static void linear_row(ht_image_resizer* r, int32_t y, bool area, uint8_t* out) {
  const ht_image_resize_params* p = &r->sizes;
  const taps t = linear_taps(y, r->region.height, p->height, r->scale_y, area, false);
  const int16_t* rows[2];
  for (int32_t k = 0; k < 2; k++) {
    bool missing;
    int16_t* row = (int16_t*)place_of_row(r, t.index[k], 2, &missing);
    if (missing) linear_columns(source_row(r, t.index[k]), (const column_taps*)r->columns, p->columns, p->channels, row);
    rows[k] = row;
  }
  linear_rows(rows[0], rows[1], t.weight[0], t.weight[1], values_of(r), out);
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

static void cubic_begin(ht_image_resizer* r) {
  cubic_taps* columns = (cubic_taps*)r->columns;
  for (int32_t x = 0; x < r->sizes.columns; x++) columns[x] = cubic_taps_at(r->sizes.left + x, r->region.width, r->sizes.width);
}

static void cubic_row(ht_image_resizer* r, int32_t y, uint8_t* out) {
  const ht_image_resize_params* p = &r->sizes;
  const cubic_taps t = cubic_taps_at(y, r->region.height, p->height);
  const float* rows[4];
  for (int32_t k = 0; k < 4; k++) {
    bool missing;
    float* row = (float*)place_of_row(r, t.index[k], 4, &missing);
    if (missing) cubic_columns(source_row(r, t.index[k]), (const cubic_taps*)r->columns, p->columns, p->channels, row);
    rows[k] = row;
  }
  cubic_rows(rows, t.weight, values_of(r), out);
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

static void area_begin(ht_image_resizer* r) {
  const double scale = scale_of(r->region.width, r->sizes.width);
  span* columns = (span*)r->columns;
  for (int32_t x = 0; x < r->sizes.columns; x++) columns[x] = area_span(r->sizes.left + x, r->region.width, scale);
}

static void area_row(const ht_image_resizer* r, int32_t y, uint8_t* out) {
  const ht_image_resize_params* p = &r->sizes;
  const span s = area_span(y, r->region.height, r->scale_y);
  const size_t n = values_of(r);
  float *row = (float*)r->rows[0], *sum = (float*)r->rows[1];
  for (size_t i = 0; i < n; i++) sum[i] = 0.0f;
  for (int32_t source = s.begin; source < s.end; source++) {
    const float weight = span_weight(&s, source);
    area_columns(source_row(r, source), (const span*)r->columns, p->columns, p->channels, row);
    for (size_t i = 0; i < n; i++) sum[i] += row[i] * weight;
  }
  for (size_t i = 0; i < n; i++) out[i] = to_u8(round_to_int(sum[i]));
}

// Whole blocks of source pixels. Two by two is the case that rounds half up.
static void block_row(const ht_image_resizer* r, int32_t y, uint8_t* out) {
  const ht_image_resize_params* p = &r->sizes;
  const int32_t width = r->region.width / p->width, height = r->region.height / p->height;
  const size_t channels = (size_t)p->channels, n = values_of(r);
  const bool halves = width == 2 && height == 2;
  const float unit = 1.0f / (float)(width * height);
  int32_t* sums = (int32_t*)r->rows[0];
  for (size_t i = 0; i < n; i++) sums[i] = 0;
  for (int32_t k = 0; k < height; k++) {
    const uint8_t* block = source_row(r, y * height + k) + (size_t)p->left * (size_t)width * channels;
    for (size_t i = 0; i < n; i += channels, block += (size_t)width * channels)
      for (size_t j = 0; j < (size_t)width * channels; j += channels)
        for (size_t c = 0; c < channels; c++) sums[i + c] += block[j + c];
  }
  for (size_t i = 0; i < n; i++) out[i] = halves ? (uint8_t)((sums[i] + 2) >> 2) : to_u8(round_to_int((float)sums[i] * unit));
}

// ---- nearest ----

static void nearest_begin(ht_image_resizer* r) {
  const double scale = scale_of(r->region.width, r->sizes.width);
  int32_t* columns = (int32_t*)r->columns;
  for (int32_t x = 0; x < r->sizes.columns; x++)
    columns[x] = min_i32(floor_to_int((double)(r->sizes.left + x) * scale), r->region.width - 1);
}

static void nearest_row(const ht_image_resizer* r, int32_t y, uint8_t* out) {
  const uint8_t* row = source_row(r, min_i32(floor_to_int((double)y * r->scale_y), r->region.height - 1));
  const int32_t* columns = (const int32_t*)r->columns;
  const size_t channels = (size_t)r->sizes.channels;
  for (int32_t x = 0; x < r->sizes.columns; x++)
    for (size_t c = 0; c < channels; c++) *out++ = row[(size_t)columns[x] * channels + c];
}

static void copied_row(const ht_image_resizer* r, int32_t y, uint8_t* out) {
  const uint8_t* row = source_row(r, y) + (size_t)r->sizes.left * (size_t)r->sizes.channels;
  const size_t n = values_of(r);
  for (size_t i = 0; i < n; i++) out[i] = row[i];
}

// ---- the choice between all of them ----

enum { COPY, NEAREST, LINEAR, AREA_LINEAR, CUBIC, AREA, BLOCKS };

static bool is_by(const ht_image_resize_params* p, int32_t interpolation) {
  return HT_USES(HT_RESIZES, interpolation) && p->interpolation == interpolation;
}

static int32_t method_of(const ht_image_resize_params* p, const ht_rectangle* region) {
  const bool shrinks = p->width <= region->width && p->height <= region->height;
  const bool blocks = region->width % p->width == 0 && region->height % p->height == 0;
  const bool halves = blocks && region->width / p->width == 2 && region->height / p->height == 2;
  if (region->width == p->width && region->height == p->height) return COPY;
  if (is_by(p, HT_IMAGE_NEAREST)) return NEAREST;
  if (is_by(p, HT_IMAGE_CUBIC)) return CUBIC;
  if ((is_by(p, HT_IMAGE_AREA) && blocks) || halves) return BLOCKS;
  if (is_by(p, HT_IMAGE_AREA)) return shrinks ? AREA : AREA_LINEAR;
  return LINEAR;
}

// Of a column's description, of a value in a held row, and how many rows are held.
typedef struct {
  size_t column, value, rows;
} needs;

static needs needs_of(int32_t method) {
  const needs all[] = {{0, 0, 0},
                       {sizeof(int32_t), 0, 0},
                       {sizeof(column_taps), sizeof(int16_t), 2},
                       {sizeof(column_taps), sizeof(int16_t), 2},
                       {sizeof(cubic_taps), sizeof(float), 4},
                       {sizeof(span), sizeof(float), 2},
                       {0, sizeof(int32_t), 1}};
  return all[method];
}

// Whether the method is this one, which only some interpolations come to.
static bool is_method(const ht_image_resizer* r, int32_t method) {
  const bool by_area = HT_USES(HT_RESIZES, HT_IMAGE_AREA);
  const bool used = (method == NEAREST && HT_USES(HT_RESIZES, HT_IMAGE_NEAREST)) || (method == LINEAR && HT_USES(HT_RESIZES, HT_IMAGE_BILINEAR)) ||
                    (method == CUBIC && HT_USES(HT_RESIZES, HT_IMAGE_CUBIC)) || ((method == AREA || method == AREA_LINEAR) && by_area) ||
                    (method == BLOCKS && (by_area || HT_USES(HT_RESIZES, HT_IMAGE_BILINEAR)));
  return used && r->method == method;
}

size_t HT_FN(ht_image_resize_scratch)(const ht_image_resize_params* p, const ht_frame* frame) {
  const ht_rectangle region = HT_FN(ht_frame_region)(frame);
  const needs n = needs_of(method_of(p, &region));
  const size_t columns = (size_t)p->columns, row = aligned(columns * (size_t)p->channels * n.value);
  return aligned(columns * n.column) + n.rows * row + aligned(HT_FN(ht_frame_scratch)(frame, p->channels));
}

void HT_FN(ht_image_resize_begin)(ht_image_resizer* r, const ht_image_resize_params* p, const ht_frame* frame, void* scratch) {
  uint8_t* memory = (uint8_t*)scratch;
  r->sizes = *p;
  r->frame = frame;
  r->region = HT_FN(ht_frame_region)(frame);
  r->method = method_of(p, &r->region);
  r->scale_y = scale_of(r->region.height, p->height);
  const needs n = needs_of(r->method);
  r->columns = take(&memory, (size_t)p->columns * n.column);
  for (size_t k = 0; k < 4; k++) {
    r->rows[k] = k < n.rows ? take(&memory, values_of(r) * n.value) : NULL;
    r->held[k] = -1;
  }
  r->pixels = memory;
  if (is_method(r, NEAREST)) nearest_begin(r);
  if (is_method(r, LINEAR)) linear_begin(r, false);
  if (is_method(r, AREA_LINEAR)) linear_begin(r, true);
  if (is_method(r, CUBIC)) cubic_begin(r);
  if (is_method(r, AREA)) area_begin(r);
}

void HT_FN(ht_image_resize_row)(ht_image_resizer* r, int32_t y, uint8_t* out) {
  if (r->method == COPY) copied_row(r, y, out);
  if (is_method(r, NEAREST)) nearest_row(r, y, out);
  if (is_method(r, LINEAR)) linear_row(r, y, false, out);
  if (is_method(r, AREA_LINEAR)) linear_row(r, y, true, out);
  if (is_method(r, CUBIC)) cubic_row(r, y, out);
  if (is_method(r, AREA)) area_row(r, y, out);
  if (is_method(r, BLOCKS)) block_row(r, y, out);
}
