// SPDX-License-Identifier: Apache-2.0
#include "image/decode.h"

#include <cstring>
#include <new>
#include <utility>

#include "base/checked.h"
#include "base/file.h"
#include "image/exif.h"
#include "image/formats.h"

namespace ht {
namespace {

bool starts_with(std::span<const uint8_t> bytes, size_t offset, std::string_view magic) {
  return bytes.size() >= offset + magic.size() && std::memcmp(bytes.data() + offset, magic.data(), magic.size()) == 0;
}

Result<Decoded> decode_any(std::span<const uint8_t> bytes, const DecodeLimits& limits) {
  if (starts_with(bytes, 0, "\xFF\xD8\xFF")) return decode_jpeg(bytes, limits);
  if (starts_with(bytes, 0, "\x89PNG\r\n\x1A\n")) return decode_png(bytes, limits);
  if (starts_with(bytes, 0, "RIFF") && starts_with(bytes, 8, "WEBP")) return decode_webp(bytes, limits);
  return input_error("not a JPEG, PNG or WebP image; convert it to one of these");
}

}  // namespace

Result<Image> allocate_image(int64_t width, int64_t height, const DecodeLimits& limits) {
  const auto pixels = checked_mul(width, height);
  if (!pixels || *pixels < 1 || *pixels > limits.max_pixels) {
    return input_error("an image of {} x {} pixels is outside the limit of {} pixels; make it smaller", width, height,
                       limits.max_pixels);
  }
  Image image{static_cast<int>(width), static_cast<int>(height), 3, {}};
  image.pixels.resize(static_cast<size_t>(*pixels) * 3);
  return image;
}

Result<Image> decode_image(std::span<const uint8_t> bytes, const DecodeLimits& limits) {
  try {
    HT_ASSIGN(Decoded decoded, decode_any(bytes, limits));
    return upright(std::move(decoded.image), decoded.orientation);
  } catch (const std::bad_alloc&) {
    return input_error("not enough memory to decode the image");
  }
}

Result<Image> read_image(const std::filesystem::path& path, const DecodeLimits& limits) {
  HT_ASSIGN(const std::vector<uint8_t> bytes, read_file(path, limits.max_file_bytes));
  Result<Image> image = decode_image(bytes, limits);
  if (!image) return std::move(image.error()).in(path.string());
  return image;
}

}  // namespace ht
