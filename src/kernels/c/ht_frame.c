// SPDX-License-Identifier: Apache-2.0
#include "ht_frame.h"

static int32_t bytes_per_pixel(int32_t format) {
  return format == HT_FRAME_RGB888 ? 3 : (format == HT_FRAME_RGB565 ? 2 : 1);
}

static bool lies_within(int32_t begin, int32_t length, int32_t whole) { return begin >= 0 && length > 0 && begin <= whole - length; }

bool HT_FN(ht_frame_is_valid)(const ht_frame* f) {
  if (f->pixels == NULL || f->width < 1 || f->height < 1) return false;
  if (f->format < HT_FRAME_RGB888 || f->format > HT_FRAME_GRAY8) return false;
  const int64_t row = (int64_t)f->width * bytes_per_pixel(f->format), stride = f->stride;
  if ((stride < 0 ? -stride : stride) < row) return false;
  return f->crop.width == 0 ||
         (lies_within(f->crop.x, f->crop.width, f->width) && lies_within(f->crop.y, f->crop.height, f->height));
}

ht_rectangle HT_FN(ht_frame_region)(const ht_frame* f) {
  const ht_rectangle all = {0, 0, f->width, f->height};
  return f->crop.width == 0 ? all : f->crop;
}

static bool is_read_in_place(const ht_frame* f, int32_t channels) {
  return channels == 3 ? f->format == HT_FRAME_RGB888 : f->format == HT_FRAME_GRAY8;
}

size_t HT_FN(ht_frame_scratch)(const ht_frame* f, int32_t channels) {
  return is_read_in_place(f, channels) ? 0 : (size_t)HT_FN(ht_frame_region)(f).width * (size_t)channels;
}

// Rec. 601 weights in units of 2^-15.
static uint8_t gray_of(int32_t red, int32_t green, int32_t blue) {
  return (uint8_t)((red * 9798 + green * 19235 + blue * 3735 + (1 << 14)) >> 15);
}

static void put(uint8_t* out, int32_t channels, int32_t red, int32_t green, int32_t blue) {
  if (channels == 1) {
    *out = gray_of(red, green, blue);
    return;
  }
  out[0] = (uint8_t)red;
  out[1] = (uint8_t)green;
  out[2] = (uint8_t)blue;
}

static void convert_565(const uint8_t* HT_RESTRICT row, int32_t width, int32_t channels, uint8_t* HT_RESTRICT out) {
  for (int32_t x = 0; x < width; x++, row += 2, out += channels) {
    const int32_t v = row[0] | (row[1] << 8), red = v >> 11, green = (v >> 5) & 63, blue = v & 31;
    put(out, channels, (red << 3) | (red >> 2), (green << 2) | (green >> 4), (blue << 3) | (blue >> 2));
  }
}

static void convert_888(const uint8_t* HT_RESTRICT row, int32_t width, uint8_t* HT_RESTRICT gray) {
  for (int32_t x = 0; x < width; x++) gray[x] = gray_of(row[3 * x], row[3 * x + 1], row[3 * x + 2]);
}

static void convert_gray(const uint8_t* HT_RESTRICT row, int32_t width, uint8_t* HT_RESTRICT out) {
  for (int32_t x = 0; x < width; x++, out += 3) put(out, 3, row[x], row[x], row[x]);
}

const uint8_t* HT_FN(ht_frame_row)(const ht_frame* f, int32_t y, int32_t channels, uint8_t* scratch) {
  const ht_rectangle region = HT_FN(ht_frame_region)(f);
  const uint8_t* row = f->pixels + (ptrdiff_t)(region.y + y) * f->stride + (ptrdiff_t)region.x * bytes_per_pixel(f->format);
  if (is_read_in_place(f, channels)) return row;
  if (f->format == HT_FRAME_RGB565) {
    convert_565(row, region.width, channels, scratch);
  } else if (f->format == HT_FRAME_RGB888) {
    convert_888(row, region.width, scratch);
  } else {
    convert_gray(row, region.width, scratch);
  }
  return scratch;
}
