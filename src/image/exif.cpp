// SPDX-License-Identifier: Apache-2.0
#include "image/exif.h"

#include <cstring>
#include <utility>

namespace ht {
namespace {

// Reads past the end give 0, which no tag and no type has.
class TiffReader {
 public:
  TiffReader(std::span<const uint8_t> bytes, bool big_endian) : bytes_(bytes), big_endian_(big_endian) {}

  uint32_t read(size_t offset, size_t count) const {
    if (offset > bytes_.size() || bytes_.size() - offset < count) return 0;
    uint32_t value = 0;
    for (size_t i = 0; i < count; ++i) value = value << 8 | bytes_[offset + (big_endian_ ? i : count - 1 - i)];
    return value;
  }

 private:
  std::span<const uint8_t> bytes_;
  bool big_endian_;
};

}  // namespace

int exif_orientation(std::span<const uint8_t> tiff) {
  constexpr uint32_t kTiffMagic = 42, kOrientationTag = 0x0112, kShort = 3;
  constexpr size_t kEntryBytes = 12;
  if (tiff.size() < 8 || tiff[0] != tiff[1] || (tiff[0] != 'I' && tiff[0] != 'M')) return 1;
  const TiffReader reader(tiff, tiff[0] == 'M');
  if (reader.read(2, 2) != kTiffMagic) return 1;
  const size_t directory = reader.read(4, 4);
  const size_t entries = reader.read(directory, 2);
  for (size_t i = 0; i < entries; ++i) {
    const size_t entry = directory + 2 + i * kEntryBytes;
    if (reader.read(entry, 2) != kOrientationTag || reader.read(entry + 2, 2) != kShort) continue;
    const uint32_t value = reader.read(entry + 8, 2);
    return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
  }
  return 1;
}

Image upright(Image image, int orientation) {
  if (orientation <= 1 || orientation > 8) return image;
  const bool transpose = orientation >= 5;
  // Whether the upright image's columns (rows) run against the stored rows or columns that they come from.
  const bool reverse_x = orientation == 2 || orientation == 3 || orientation == 6 || orientation == 7;
  const bool reverse_y = orientation == 3 || orientation == 4 || orientation == 7 || orientation == 8;
  Image result{transpose ? image.height : image.width, transpose ? image.width : image.height, image.channels, {}};
  result.pixels.resize(image.pixels.size());
  const size_t channels = static_cast<size_t>(image.channels);
  for (int y = 0; y < result.height; ++y) {
    uint8_t* to = result.row(y);
    const int v = reverse_y ? result.height - 1 - y : y;
    for (int x = 0; x < result.width; ++x, to += channels) {
      const int u = reverse_x ? result.width - 1 - x : x;
      const uint8_t* from = transpose ? image.row(u) + channels * v : image.row(v) + channels * u;
      std::memcpy(to, from, channels);
    }
  }
  return result;
}

}  // namespace ht
