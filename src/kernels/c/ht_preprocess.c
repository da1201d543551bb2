// SPDX-License-Identifier: Apache-2.0
#include "ht_preprocess.h"

static size_t aligned(size_t bytes) { return (bytes + 7u) & ~(size_t)7u; }

static size_t row_bytes(const ht_preprocess_params* p) {
  return aligned((size_t)p->image.width * (size_t)ht_image_channels(&p->image));
}

bool HT_FN(ht_preprocess_accepts)(const ht_preprocess_params* p, const ht_frame* frame) {
  const double most = 268435456.0;
  if (!HT_FN(ht_frame_is_valid)(frame)) return false;
  const ht_rectangle region = HT_FN(ht_frame_region)(frame);
  const double width = (double)region.width, height = (double)region.height;
  if (width * height > most) return false;
  if (p->image.resize == HT_IMAGE_NO_RESIZE) return region.width == p->image.width && region.height == p->image.height;
  if (p->image.resize != HT_IMAGE_CENTER_CROP) return true;
  const double scale_x = (double)p->image.width / width, scale_y = (double)p->image.height / height;
  const double scale = scale_x < scale_y ? scale_y : scale_x;
  return width * scale * height * scale <= most;
}

size_t HT_FN(ht_preprocess_scratch)(const ht_preprocess_params* p, const ht_frame* frame) {
  return row_bytes(p) + HT_FN(ht_image_scratch)(&p->image, frame);
}

void HT_FN(ht_preprocess_begin)(ht_preprocess_stream* s, const ht_preprocess_params* p, const ht_frame* frame, void* scratch) {
  s->params = p;
  s->pixels = (uint8_t*)scratch;
  HT_FN(ht_image_begin)(&s->image, &p->image, frame, s->pixels + row_bytes(p));
}

static void put_floats(const ht_preprocess_params* p, int32_t c, const uint8_t* in, int32_t channels, float* out) {
  const float* table = (const float*)p->tables[c];
  for (int32_t x = 0; x < p->image.width; x++) out[(ptrdiff_t)x * p->pixel_step] = table[in[(ptrdiff_t)x * channels]];
}

static void put_bytes(const ht_preprocess_params* p, int32_t c, const uint8_t* in, int32_t channels, uint8_t* out) {
  const uint8_t* table = (const uint8_t*)p->tables[c];
  for (int32_t x = 0; x < p->image.width; x++) out[(ptrdiff_t)x * p->pixel_step] = table[in[(ptrdiff_t)x * channels]];
}

static void put_shorts(const ht_preprocess_params* p, int32_t c, const uint8_t* in, int32_t channels, int16_t* out) {
  const int16_t* table = (const int16_t*)p->tables[c];
  for (int32_t x = 0; x < p->image.width; x++) out[(ptrdiff_t)x * p->pixel_step] = table[in[(ptrdiff_t)x * channels]];
}

void HT_FN(ht_preprocess_rows)(ht_preprocess_stream* s, int32_t begin, int32_t end, void* out) {
  const ht_preprocess_params* p = s->params;
  const int32_t channels = ht_image_channels(&p->image);
  for (int32_t y = begin; y < end; y++) {
    HT_FN(ht_image_row)(&s->image, y, s->pixels);
    for (int32_t c = 0; c < channels; c++) {
      const ptrdiff_t first = (ptrdiff_t)(y - begin) * p->row_step + (ptrdiff_t)c * p->channel_step;
      if (p->type == HT_VALUES_F32) {
        put_floats(p, c, s->pixels + c, channels, (float*)out + first);
      } else if (p->type == HT_VALUES_S16) {
        put_shorts(p, c, s->pixels + c, channels, (int16_t*)out + first);
      } else {
        put_bytes(p, c, s->pixels + c, channels, (uint8_t*)out + first);
      }
    }
  }
}
