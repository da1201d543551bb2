// SPDX-License-Identifier: Apache-2.0
#include <png.h>

#include <algorithm>
#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "image/exif.h"
#include "image/formats.h"

namespace ht {
namespace {

constexpr png_alloc_size_t kMaxChunkBytes = 16u << 20;
constexpr png_uint_32 kMaxChunks = 1000;

// libpng's state. As with libjpeg, members that can fail hold nothing with a destructor.
class PngReader {
 public:
  explicit PngReader(std::span<const uint8_t> bytes) : bytes_(bytes) {}
  ~PngReader() { png_destroy_read_struct(&png_, &info_, nullptr); }
  PngReader(const PngReader&) = delete;
  PngReader& operator=(const PngReader&) = delete;

  bool read_header() {
    png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, this, on_error, be_silent);
    info_ = png_ ? png_create_info_struct(png_) : nullptr;
    if (!info_) return false;
    if (setjmp(png_jmpbuf(png_))) return false;
    png_set_user_limits(png_, PNG_UINT_31_MAX, PNG_UINT_31_MAX);  // the pixels are counted by the caller
    png_set_chunk_malloc_max(png_, kMaxChunkBytes);
    png_set_chunk_cache_max(png_, kMaxChunks);
    png_set_read_fn(png_, this, read_bytes);
    png_read_info(png_, info_);
    // Whatever the file holds becomes red, green, blue.
    png_set_expand(png_);
    png_set_strip_16(png_);
    png_set_strip_alpha(png_);
    png_set_gray_to_rgb(png_);
    passes_ = png_set_interlace_handling(png_);
    png_read_update_info(png_, info_);
    return true;
  }

  bool read_pixels(uint8_t* pixels) {
    if (setjmp(png_jmpbuf(png_))) return false;
    for (int pass = 0; pass < passes_; ++pass) {
      for (png_uint_32 y = 0; y < height(); ++y) png_read_row(png_, pixels + size_t{y} * width() * 3, nullptr);
    }
    png_read_end(png_, info_);
    return true;
  }

  png_uint_32 width() const { return png_get_image_width(png_, info_); }
  png_uint_32 height() const { return png_get_image_height(png_, info_); }
  bool is_three_bytes() const { return png_get_rowbytes(png_, info_) == size_t{width()} * 3; }
  std::string message() const { return message_[0] ? message_ : "not enough memory"; }

  int orientation() {
    png_bytep data = nullptr;
    png_uint_32 length = 0;
    if (png_get_eXIf_1(png_, info_, &length, &data) == 0) return 1;
    return exif_orientation({data, length});
  }

 private:
  [[noreturn]] static void on_error(png_structp png, png_const_charp message) {
    auto* self = static_cast<PngReader*>(png_get_error_ptr(png));
    std::snprintf(self->message_, sizeof self->message_, "%s", message);
    png_longjmp(png, 1);
  }
  static void be_silent(png_structp, png_const_charp) {}
  static void read_bytes(png_structp png, png_bytep to, size_t count) {
    auto* self = static_cast<PngReader*>(png_get_io_ptr(png));
    if (self->bytes_.size() < count) png_error(png, "it ends early");
    std::memcpy(to, self->bytes_.data(), count);
    self->bytes_ = self->bytes_.subspan(count);
  }

  std::span<const uint8_t> bytes_;
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
  int passes_ = 1;
  char message_[160] = {};
};

}  // namespace

Result<Decoded> decode_png(std::span<const uint8_t> bytes, const DecodeLimits& limits) {
  PngReader reader(bytes);
  if (!reader.read_header()) return input_error("damaged PNG: {}", reader.message());
  // Deflate shrinks to a 1032nd at best, and a pixel has at least a bit.
  if (uint64_t{reader.width()} * reader.height() / 8 / 1032 > bytes.size()) return input_error("damaged PNG: it ends early");
  if (!reader.is_three_bytes()) return input_error("damaged PNG: its pixels cannot be brought to red, green and blue");
  Decoded decoded;
  HT_ASSIGN(decoded.image, allocate_image(reader.width(), reader.height(), limits));
  if (!reader.read_pixels(decoded.image.pixels.data())) return input_error("damaged PNG: {}", reader.message());
  decoded.orientation = reader.orientation();
  return decoded;
}

}  // namespace ht
