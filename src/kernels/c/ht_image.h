// SPDX-License-Identifier: Apache-2.0
// Photos to model inputs, normative. Grey is OpenCV's cvtColor, bit for bit.
// No allocation and no failure path: sizes are positive, the caller checks them and brings the scratch memory.
#ifndef HT_IMAGE_H
#define HT_IMAGE_H

#include "ht_image_resize.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { HT_IMAGE_LETTERBOX, HT_IMAGE_STRETCH, HT_IMAGE_CENTER_CROP, HT_IMAGE_NO_RESIZE };
enum { HT_IMAGE_TOP_LEFT, HT_IMAGE_CENTER };
enum { HT_IMAGE_BGR, HT_IMAGE_RGB, HT_IMAGE_GRAY };

// The part of a recipe's [preprocess] that pixels depend on. pad is in the order of color; grey uses pad[0].
typedef struct {
  int32_t width, height;
  int32_t resize;         // HT_IMAGE_LETTERBOX ...
  int32_t place;          // HT_IMAGE_TOP_LEFT ..., for a letterbox
  int32_t color;          // HT_IMAGE_BGR ...
  int32_t interpolation;  // HT_IMAGE_NEAREST ...
  uint8_t pad[3];
} ht_image_params;

// The whole photo after resizing and where its corner lies in the input: negative where it is cropped.
typedef struct {
  int32_t width, height;
  int32_t left, top;
} ht_image_placement;

// The size is that of the photo. HT_IMAGE_NO_RESIZE demands a photo of the input's size.
ht_image_placement ht_image_place(const ht_image_params* p, int32_t width, int32_t height);

size_t ht_image_pixels_scratch(const ht_image_params* p, int32_t width, int32_t height);
// photo: width * height pixels, red, green, blue. out: the input's pixels in the order of color, channels interleaved.
void ht_image_pixels(const ht_image_params* p, const uint8_t* photo, int32_t width, int32_t height, uint8_t* out, void* scratch);

// table[v] = ((float)v - mean) / std
void ht_image_table(float mean, float std, float table[256]);
// Channel c of pixel i through tables[c], to out[c * pixels + i] (planar) or out[i * channels + c] (interleaved).
void ht_image_planar(const uint8_t* in, size_t pixels, int32_t channels, const float (*tables)[256], float* out);
void ht_image_interleaved(const uint8_t* in, size_t pixels, int32_t channels, const float (*tables)[256], float* out);

#ifdef __cplusplus
}
#endif

#endif
