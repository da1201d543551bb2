// SPDX-License-Identifier: Apache-2.0
#include "image/encode.h"

#include <png.h>

#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>

// jpeglib.h needs FILE and size_t declared before it.
#include <jpeglib.h>

#include "base/checked.h"
#include "base/file.h"

namespace ht {
namespace {

Status check_encodable(const Image& image) {
  const int64_t factors[] = {image.width, image.height, image.channels};
  const auto bytes = checked_product(factors);
  if ((image.channels != 1 && image.channels != 3) || !bytes || *bytes < 1 ||
      static_cast<size_t>(*bytes) != image.pixels.size()) {
    return usage_error("an image of {} x {} pixels with {} channels cannot be written", image.width, image.height,
                       image.channels);
  }
  return {};
}

// libpng's state. `write` holds nothing with a destructor, for longjmp passes it by.
class PngWriter {
 public:
  PngWriter() = default;
  ~PngWriter() { png_destroy_write_struct(&png_, &info_); }
  PngWriter(const PngWriter&) = delete;
  PngWriter& operator=(const PngWriter&) = delete;

  bool write(const Image& image) {
    png_ = png_create_write_struct(PNG_LIBPNG_VER_STRING, this, on_error, be_silent);
    info_ = png_ ? png_create_info_struct(png_) : nullptr;
    if (!info_) return false;
    if (setjmp(png_jmpbuf(png_))) return false;
    png_set_user_limits(png_, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    png_set_write_fn(png_, this, append, flush);
    png_set_IHDR(png_, info_, static_cast<png_uint_32>(image.width), static_cast<png_uint_32>(image.height), 8,
                 image.channels == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png_, info_);
    for (int y = 0; y < image.height; ++y) png_write_row(png_, image.row(y));
    png_write_end(png_, info_);
    return true;
  }

  std::vector<uint8_t> take_bytes() { return std::move(bytes_); }

 private:
  [[noreturn]] static void on_error(png_structp png, png_const_charp) { png_longjmp(png, 1); }
  static void be_silent(png_structp, png_const_charp) {}
  static void flush(png_structp) {}
  static bool try_append(std::vector<uint8_t>& bytes, const uint8_t* data, size_t count) {
    try {
      bytes.insert(bytes.end(), data, data + count);
      return true;
    } catch (const std::bad_alloc&) {
      return false;
    }
  }
  static void append(png_structp png, png_bytep data, size_t count) {
    if (!try_append(static_cast<PngWriter*>(png_get_io_ptr(png))->bytes_, data, count)) png_error(png, "not enough memory");
  }

  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
  std::vector<uint8_t> bytes_;
};

struct JpegErrors {
  jpeg_error_mgr base;  // first, because libjpeg hands back a pointer to it
  std::jmp_buf escape;
};

[[noreturn]] void leave(j_common_ptr info) { std::longjmp(reinterpret_cast<JpegErrors*>(info->err)->escape, 1); }
void be_silent(j_common_ptr) {}

class JpegWriter {
 public:
  JpegWriter() {
    info_.err = jpeg_std_error(&errors_.base);
    errors_.base.error_exit = leave;
    errors_.base.output_message = be_silent;
  }
  ~JpegWriter() {
    jpeg_destroy_compress(&info_);
    std::free(bytes_);
  }
  JpegWriter(const JpegWriter&) = delete;
  JpegWriter& operator=(const JpegWriter&) = delete;

  bool write(const Image& image, int quality) {
    if (setjmp(errors_.escape)) return false;
    jpeg_create_compress(&info_);
    jpeg_mem_dest(&info_, &bytes_, &count_);
    info_.image_width = static_cast<JDIMENSION>(image.width);
    info_.image_height = static_cast<JDIMENSION>(image.height);
    info_.input_components = image.channels;
    info_.in_color_space = image.channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_set_defaults(&info_);
    jpeg_set_quality(&info_, quality, TRUE);
    jpeg_start_compress(&info_, TRUE);
    while (info_.next_scanline < info_.image_height) {
      JSAMPROW row = const_cast<uint8_t*>(image.row(static_cast<int>(info_.next_scanline)));
      jpeg_write_scanlines(&info_, &row, 1);
    }
    jpeg_finish_compress(&info_);
    return true;
  }

  std::vector<uint8_t> bytes() const { return {bytes_, bytes_ + count_}; }

 private:
  jpeg_compress_struct info_{};
  JpegErrors errors_{};
  unsigned char* bytes_ = nullptr;
  unsigned long count_ = 0;
};

}  // namespace

Result<std::vector<uint8_t>> encode_png(const Image& image) {
  HT_TRY(check_encodable(image));
  PngWriter writer;
  if (!writer.write(image)) return input_error("an image of {} x {} pixels cannot be written as PNG", image.width, image.height);
  return writer.take_bytes();
}

Result<std::vector<uint8_t>> encode_jpeg(const Image& image, int quality) {
  HT_TRY(check_encodable(image));
  if (quality < 1 || quality > 100) return usage_error("a JPEG's quality is between 1 and 100, not {}", quality);
  try {
    JpegWriter writer;
    if (!writer.write(image, quality)) {
      return input_error("an image of {} x {} pixels cannot be written as JPEG; write a PNG", image.width, image.height);
    }
    return writer.bytes();
  } catch (const std::bad_alloc&) {
    return input_error("not enough memory to write a JPEG");
  }
}

Status write_image(const std::filesystem::path& path, const Image& image) {
  const std::string ending = ending_of(path);
  const bool png = ending == ".png", jpeg = ending == ".jpg" || ending == ".jpeg";
  if (!png && !jpeg) return usage_error("an image is written as .png, .jpg or .jpeg").in(path.string());
  Result<std::vector<uint8_t>> bytes = png ? encode_png(image) : encode_jpeg(image);
  if (!bytes) return std::move(bytes.error()).in(path.string());
  return write_file(path, *bytes);
}

}  // namespace ht
