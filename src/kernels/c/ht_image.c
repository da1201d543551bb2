// SPDX-License-Identifier: Apache-2.0
#include "ht_image.h"

// The fraction is cut as Python's int() cuts it, for that is what training code calls. Never an empty picture.
static int32_t scaled(int32_t length, double scale) {
  const int32_t n = (int32_t)((double)length * scale);
  return n < 1 ? 1 : n;
}

ht_image_placement HT_FN(ht_image_place)(const ht_image_params* p, int32_t width, int32_t height) {
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

static double smaller(double a, double b) { return b < a ? b : a; }

ht_image_mapping HT_FN(ht_image_map)(const ht_image_params* p, int32_t width, int32_t height) {
  const ht_image_placement fit = HT_FN(ht_image_place)(p, width, height);
  ht_image_mapping map;
  map.scale_x = (double)fit.width / (double)width;
  map.scale_y = (double)fit.height / (double)height;
  map.offset_x = (double)fit.left;
  map.offset_y = (double)fit.top;
  // Detectors that place the photo top left divide by the wanted scale, not by the one that whole pixels came to.
  if (p->resize == HT_IMAGE_LETTERBOX && p->place == HT_IMAGE_TOP_LEFT)
    map.scale_x = map.scale_y = smaller((double)p->width / (double)width, (double)p->height / (double)height);
  return map;
}

static ht_image_resize_params resize_of(const ht_image_params* p, const ht_image_placement* fit) {
  ht_image_resize_params r;
  r.width = fit->width;
  r.height = fit->height;
  r.left = fit->left < 0 ? -fit->left : 0;
  r.columns = fit->width < p->width ? fit->width : p->width;
  r.channels = ht_image_channels(p);
  r.interpolation = p->interpolation;
  return r;
}

size_t HT_FN(ht_image_scratch)(const ht_image_params* p, const ht_frame* frame) {
  const ht_rectangle region = HT_FN(ht_frame_region)(frame);
  const ht_image_placement fit = HT_FN(ht_image_place)(p, region.width, region.height);
  const ht_image_resize_params r = resize_of(p, &fit);
  return HT_FN(ht_image_resize_scratch)(&r, frame);
}

void HT_FN(ht_image_begin)(ht_image_stream* s, const ht_image_params* p, const ht_frame* frame, void* scratch) {
  const ht_rectangle region = HT_FN(ht_frame_region)(frame);
  s->params = *p;
  s->fit = HT_FN(ht_image_place)(p, region.width, region.height);
  const ht_image_resize_params r = resize_of(p, &s->fit);
  s->begin = s->fit.left < 0 ? 0 : s->fit.left;
  s->end = s->begin + r.columns;
  HT_FN(ht_image_resize_begin)(&s->resizer, &r, frame, scratch);
}

static void swap_red_and_blue(uint8_t* pixels, int32_t n) {
  for (int32_t i = 0; i < n; i++) {
    const uint8_t red = pixels[3 * i];
    pixels[3 * i] = pixels[3 * i + 2];
    pixels[3 * i + 2] = red;
  }
}

static void fill(uint8_t* out, int32_t pixels, const uint8_t* color, int32_t channels) {
  for (int32_t i = 0; i < pixels; i++)
    for (int32_t c = 0; c < channels; c++) *out++ = color[c];
}

void HT_FN(ht_image_row)(ht_image_stream* s, int32_t y, uint8_t* out) {
  const ht_image_params* p = &s->params;
  const int32_t channels = ht_image_channels(p), row = y - s->fit.top;
  if (row < 0 || row >= s->fit.height) {
    fill(out, p->width, p->pad, channels);
    return;
  }
  uint8_t* inside = out + (size_t)s->begin * (size_t)channels;
  HT_FN(ht_image_resize_row)(&s->resizer, row, inside);
  if (p->color == HT_IMAGE_BGR) swap_red_and_blue(inside, s->end - s->begin);
  fill(out, s->begin, p->pad, channels);
  fill(out + (size_t)s->end * (size_t)channels, p->width - s->end, p->pad, channels);
}
