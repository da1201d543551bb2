// SPDX-License-Identifier: Apache-2.0
#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <string>

// jpeglib.h needs FILE and size_t declared before it, and jerror.h the settings that jpeglib.h brings.
// clang-format off
#include <jpeglib.h>
#include <jerror.h>
// clang-format on

#include "image/exif.h"
#include "image/formats.h"

namespace ht {
namespace {

// A progressive file may repeat scans over the whole image; no encoder writes anywhere near this many.
constexpr int kMaxScans = 256;

struct ErrorManager {
  jpeg_error_mgr base;  // first, because libjpeg hands back a pointer to it
  std::jmp_buf escape;
  char message[JMSG_LENGTH_MAX];
};

[[noreturn]] void leave(j_common_ptr info) {
  auto* manager = reinterpret_cast<ErrorManager*>(info->err);
  info->err->format_message(info, manager->message);
  std::longjmp(manager->escape, 1);
}

// libjpeg goes on after damage with grey or repeated blocks; such a picture would silently spoil what is computed from it.
void on_warning(j_common_ptr info, int level) {
  if (level >= 0) return;
  switch (info->err->msg_code) {
    case JWRN_JPEG_EOF:
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
    case JWRN_ARITH_BAD_CODE:
    case JWRN_MUST_RESYNC:
      leave(info);
    default:
      break;
  }
}

void on_progress(j_common_ptr info) {
  if (reinterpret_cast<j_decompress_ptr>(info)->input_scan_number <= kMaxScans) return;
  auto* manager = reinterpret_cast<ErrorManager*>(info->err);
  std::strcpy(manager->message, "it has more scans than any encoder writes");
  std::longjmp(manager->escape, 1);
}

void be_silent(j_common_ptr) {}

// libjpeg's state. Every call that can fail is in a member that holds nothing with a destructor, for longjmp passes it by.
class JpegReader {
 public:
  JpegReader() {
    info_.err = jpeg_std_error(&errors_.base);
    errors_.base.error_exit = leave;
    errors_.base.emit_message = on_warning;
    errors_.base.output_message = be_silent;
    errors_.message[0] = '\0';
    progress_.progress_monitor = on_progress;
  }
  ~JpegReader() { jpeg_destroy_decompress(&info_); }
  JpegReader(const JpegReader&) = delete;
  JpegReader& operator=(const JpegReader&) = delete;

  bool read_header(std::span<const uint8_t> bytes) {
    if (setjmp(errors_.escape)) return false;
    jpeg_create_decompress(&info_);
    info_.progress = &progress_;
    jpeg_mem_src(&info_, bytes.data(), bytes.size());
    jpeg_save_markers(&info_, JPEG_APP0 + 1, 0xFFFF);
    jpeg_read_header(&info_, TRUE);
    orientation_ = find_orientation();
    // Four components are CMYK, which libjpeg does not turn into red, green and blue.
    info_.out_color_space = info_.num_components == 4 ? JCS_CMYK : JCS_RGB;
    info_.dct_method = JDCT_ISLOW;
    info_.do_fancy_upsampling = TRUE;
    return true;
  }

  // `pixels` has room for three channels and `row` for one row of four.
  bool read_pixels(uint8_t* pixels, uint8_t* row) {
    if (setjmp(errors_.escape)) return false;
    jpeg_start_decompress(&info_);
    const size_t row_bytes = size_t{info_.output_width} * 3;
    while (info_.output_scanline < info_.output_height) {
      uint8_t* to = pixels + row_bytes * info_.output_scanline;
      uint8_t* target = info_.out_color_space == JCS_CMYK ? row : to;
      jpeg_read_scanlines(&info_, &target, 1);
      if (target == row) cmyk_to_rgb(row, info_.output_width, to);
    }
    jpeg_finish_decompress(&info_);
    return true;
  }

  int64_t width() const { return info_.image_width; }
  int64_t height() const { return info_.image_height; }
  bool is_cmyk() const { return info_.out_color_space == JCS_CMYK; }
  std::string message() const { return errors_.message; }

  // At least one bit a block of 64 pixels; only arithmetic coding can do with less.
  bool is_too_short(size_t bytes) const { return !info_.arith_code && width() * height() / 512 > static_cast<int64_t>(bytes); }

  int orientation() const { return orientation_; }

 private:
  int find_orientation() const {
    static constexpr char kMagic[6] = {'E', 'x', 'i', 'f', 0, 0};
    for (jpeg_saved_marker_ptr marker = info_.marker_list; marker; marker = marker->next) {
      if (marker->marker != JPEG_APP0 + 1 || marker->data_length < sizeof kMagic) continue;
      if (std::memcmp(marker->data, kMagic, sizeof kMagic) != 0) continue;
      return exif_orientation({marker->data + sizeof kMagic, marker->data_length - sizeof kMagic});
    }
    return 1;
  }

  // Adobe's files hold the inks inverted; OpenCV takes all files for such.
  static void cmyk_to_rgb(const uint8_t* cmyk, size_t pixels, uint8_t* rgb) {
    for (size_t i = 0; i < pixels; ++i, cmyk += 4, rgb += 3) {
      const int black = cmyk[3];
      for (int c = 0; c < 3; ++c) rgb[c] = static_cast<uint8_t>(black - ((255 - cmyk[c]) * black >> 8));
    }
  }

  jpeg_decompress_struct info_{};
  jpeg_progress_mgr progress_{};
  ErrorManager errors_{};
  int orientation_ = 1;
};

}  // namespace

Result<Decoded> decode_jpeg(std::span<const uint8_t> bytes, const DecodeLimits& limits) {
  JpegReader reader;
  if (!reader.read_header(bytes)) return input_error("damaged JPEG: {}", reader.message());
  if (reader.is_too_short(bytes.size())) return input_error("damaged JPEG: it ends early");
  Decoded decoded;
  HT_ASSIGN(decoded.image, allocate_image(reader.width(), reader.height(), limits));
  std::vector<uint8_t> row(reader.is_cmyk() ? static_cast<size_t>(reader.width()) * 4 : 0);
  if (!reader.read_pixels(decoded.image.pixels.data(), row.data())) return input_error("damaged JPEG: {}", reader.message());
  decoded.orientation = reader.orientation();
  return decoded;
}

}  // namespace ht
