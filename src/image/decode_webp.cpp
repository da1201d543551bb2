// SPDX-License-Identifier: Apache-2.0
#include <webp/decode.h>

#include <cstring>

#include "image/exif.h"
#include "image/formats.h"

namespace ht {
namespace {

uint32_t little_endian(std::span<const uint8_t> bytes, size_t offset) {
  return uint32_t{bytes[offset]} | uint32_t{bytes[offset + 1]} << 8 | uint32_t{bytes[offset + 2]} << 16 |
         uint32_t{bytes[offset + 3]} << 24;
}

// The file is a RIFF list: a header of 12 bytes, then chunks of name, size and data, each padded to an even length.
int orientation(std::span<const uint8_t> bytes) {
  constexpr size_t kChunkHeader = 8;
  size_t offset = 12;
  while (bytes.size() >= offset + kChunkHeader) {
    const size_t length = little_endian(bytes, offset + 4);
    const size_t data = offset + kChunkHeader;
    if (length > bytes.size() - data) break;
    if (std::memcmp(bytes.data() + offset, "EXIF", 4) == 0) return exif_orientation(bytes.subspan(data, length));
    offset = data + length + length % 2;
  }
  return 1;
}

}  // namespace

Result<Decoded> decode_webp(std::span<const uint8_t> bytes, const DecodeLimits& limits) {
  WebPBitstreamFeatures features;
  if (WebPGetFeatures(bytes.data(), bytes.size(), &features) != VP8_STATUS_OK)
    return input_error("damaged WebP: its header is not valid");
  if (features.has_animation) return unsupported("an animated WebP; save the frame that is meant as an image of its own");
  Decoded decoded;
  HT_ASSIGN(decoded.image, allocate_image(features.width, features.height, limits));
  std::vector<uint8_t>& pixels = decoded.image.pixels;
  if (!WebPDecodeRGBInto(bytes.data(), bytes.size(), pixels.data(), pixels.size(), features.width * 3)) {
    return input_error("damaged WebP: its data end early or are not valid");
  }
  decoded.orientation = orientation(bytes);
  return decoded;
}

}  // namespace ht
