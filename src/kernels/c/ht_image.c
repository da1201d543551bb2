// SPDX-License-Identifier: Apache-2.0
#include "ht_image.h"

static size_t aligned(size_t bytes) { return (bytes + 7u) & ~(size_t)7u; }
static int32_t channels_of(const ht_image_params* p) { return p->color == HT_IMAGE_GRAY ? 1 : 3; }
static size_t pixels_of(int32_t width, int32_t height) { return (size_t)width * (size_t)height; }

// The fraction is cut as Python's int() cuts it, for that is what training code calls. Never an empty picture.
static int32_t scaled(int32_t length, double scale) {
  const int32_t n = (int32_t)((double)length * scale);
  return n < 1 ? 1 : n;
}

ht_image_placement ht_image_place(const ht_image_params* p, int32_t width, int32_t height) {
  const double scale_x = (double)p->width / (double)width, scale_y = (double)p->height / (double)height;
  ht_image_placement fit = {p->width, p->height, 0, 0};
  if (p->resize == HT_IMAGE_LETTERBOX) {
    const double scale = scale_x < scale_y ? scale_x : scale_y;
    fit.width = scaled(width, scale);
    fit.height = scaled(height, scale);
    if (p->place == HT_IMAGE_CENTER) {
      fit.left = (p->width - fit.width) / 2;
      fit.top = (p->height - fit.height) / 2;
    }
  } else if (p->resize == HT_IMAGE_CENTER_CROP) {
    const double scale = scale_x > scale_y ? scale_x : scale_y;
    fit.width = scaled(width, scale);
    fit.height = scaled(height, scale);
    // The product may fall just below the side that it should meet.
    if (fit.width < p->width) fit.width = p->width;
    if (fit.height < p->height) fit.height = p->height;
    fit.left = -((fit.width - p->width) / 2);
    fit.top = -((fit.height - p->height) / 2);
  }
  return fit;
}

static ht_image_resize_params resize_of(const ht_image_params* p, const ht_image_placement* fit, int32_t width, int32_t height) {
  ht_image_resize_params r;
  r.src_width = width;
  r.src_height = height;
  r.dst_width = fit->width;
  r.dst_height = fit->height;
  r.channels = channels_of(p);
  r.interpolation = p->interpolation;
  return r;
}

// The resizer's own, the grey photo, and the resized photo before it is cropped.
size_t ht_image_pixels_scratch(const ht_image_params* p, int32_t width, int32_t height) {
  const ht_image_placement fit = ht_image_place(p, width, height);
  const ht_image_resize_params r = resize_of(p, &fit, width, height);
  size_t bytes = aligned(ht_image_resize_scratch(&r));
  if (p->color == HT_IMAGE_GRAY) bytes += aligned(pixels_of(width, height));
  if (p->resize == HT_IMAGE_CENTER_CROP) bytes += aligned(pixels_of(fit.width, fit.height) * (size_t)r.channels);
  return bytes;
}

// Rec. 601 weights in units of 2^-15.
static void to_gray(const uint8_t* HT_RESTRICT rgb, size_t pixels, uint8_t* HT_RESTRICT gray) {
  for (size_t i = 0; i < pixels; i++)
    gray[i] = (uint8_t)((rgb[3 * i] * 9798 + rgb[3 * i + 1] * 19235 + rgb[3 * i + 2] * 3735 + (1 << 14)) >> 15);
}

static void swap_red_and_blue(uint8_t* pixels, size_t n) {
  for (size_t i = 0; i < n; i++) {
    const uint8_t red = pixels[3 * i];
    pixels[3 * i] = pixels[3 * i + 2];
    pixels[3 * i + 2] = red;
  }
}

static void fill(uint8_t* out, size_t pixels, const uint8_t* color, size_t channels) {
  for (size_t i = 0; i < pixels; i++)
    for (size_t c = 0; c < channels; c++) out[i * channels + c] = color[c];
}

// Everything around the photo: above, below, and at both sides of each of its rows.
static void fill_border(const ht_image_params* p, const ht_image_placement* fit, uint8_t* out) {
  const size_t channels = (size_t)channels_of(p), row = (size_t)p->width * channels;
  const int32_t bottom = fit->top + fit->height, right = fit->left + fit->width;
  fill(out, pixels_of(p->width, fit->top), p->pad, channels);
  fill(out + (size_t)bottom * row, pixels_of(p->width, p->height - bottom), p->pad, channels);
  for (int32_t y = fit->top; y < bottom; y++) {
    fill(out + (size_t)y * row, (size_t)fit->left, p->pad, channels);
    fill(out + (size_t)y * row + (size_t)right * channels, (size_t)(p->width - right), p->pad, channels);
  }
}

void ht_image_pixels(const ht_image_params* p, const uint8_t* photo, int32_t width, int32_t height, uint8_t* out, void* scratch) {
  const ht_image_placement fit = ht_image_place(p, width, height);
  const ht_image_resize_params r = resize_of(p, &fit, width, height);
  const size_t channels = (size_t)r.channels, row = (size_t)p->width * channels, photo_row = (size_t)width * channels;
  uint8_t* own = (uint8_t*)scratch + aligned(ht_image_resize_scratch(&r));
  if (p->color == HT_IMAGE_GRAY) {
    to_gray(photo, pixels_of(width, height), own);
    photo = own;
    own += aligned(pixels_of(width, height));
  }
  if (p->resize == HT_IMAGE_CENTER_CROP) {
    const size_t whole_row = (size_t)fit.width * channels;
    ht_image_resize(&r, photo, photo_row, own, whole_row, scratch);
    for (int32_t y = 0; y < p->height; y++) {
      const uint8_t* from = own + (size_t)(y - fit.top) * whole_row + (size_t)(-fit.left) * channels;
      for (size_t i = 0; i < row; i++) out[(size_t)y * row + i] = from[i];
    }
  } else {
    ht_image_resize(&r, photo, photo_row, out + (size_t)fit.top * row + (size_t)fit.left * channels, row, scratch);
  }
  if (p->color == HT_IMAGE_BGR) swap_red_and_blue(out, pixels_of(p->width, p->height));
  if (p->resize == HT_IMAGE_LETTERBOX) fill_border(p, &fit, out);
}

void ht_image_table(float mean, float std, float table[256]) {
  for (int32_t v = 0; v < 256; v++) table[v] = ((float)v - mean) / std;
}

void ht_image_planar(const uint8_t* in, size_t pixels, int32_t channels, const float (*tables)[256], float* out) {
  for (int32_t c = 0; c < channels; c++) {
    const uint8_t* from = in + c;
    for (size_t i = 0; i < pixels; i++) *out++ = tables[c][from[i * (size_t)channels]];
  }
}

void ht_image_interleaved(const uint8_t* in, size_t pixels, int32_t channels, const float (*tables)[256], float* out) {
  for (size_t i = 0; i < pixels; i++)
    for (int32_t c = 0; c < channels; c++) *out++ = tables[c][*in++];
}
