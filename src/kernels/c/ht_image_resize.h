// SPDX-License-Identifier: Apache-2.0
// Resizing of 8-bit images, normative. Nearest, bilinear and area are OpenCV's resize bit for bit. Cubic has no single truth
// there: its own code rounds coefficients to 11 bits, while on x86-64 its packages call Intel's IPP, which computes in float
// and whose last bits depend on the processor. Ours is computed in float too; it differs by one from IPP in about one value
// of 100 000 (in one of 300 where enlarging by three makes many ties) and from OpenCV's own code (other processors, sources
// narrower than four pixels) in about one of 25.
// No allocation and no failure path: sizes are positive, the caller checks them and brings the scratch memory.
#ifndef HT_IMAGE_RESIZE_H
#define HT_IMAGE_RESIZE_H

#include "ht_kernel.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { HT_IMAGE_NEAREST, HT_IMAGE_BILINEAR, HT_IMAGE_AREA, HT_IMAGE_CUBIC };

typedef struct {
  int32_t src_width, src_height;
  int32_t dst_width, dst_height;
  int32_t channels;       // interleaved: 1 or 3
  int32_t interpolation;  // HT_IMAGE_NEAREST ...
} ht_image_resize_params;

// Bytes of scratch memory, aligned to 8, that ht_image_resize needs.
size_t ht_image_resize_scratch(const ht_image_resize_params* r);
// Strides are in bytes. The images must not overlap.
void ht_image_resize(const ht_image_resize_params* r, const uint8_t* src, size_t src_stride, uint8_t* dst, size_t dst_stride,
                     void* scratch);

#ifdef __cplusplus
}
#endif

#endif
