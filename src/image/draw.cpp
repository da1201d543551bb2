// SPDX-License-Identifier: Apache-2.0
#include "image/draw.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <memory>
#include <new>
#include <numeric>
#include <utility>
#include <vector>

#include "image/cairo.h"

namespace ht {
namespace {

// cairo carries this font within itself: it needs no font files and no fontconfig.
constexpr const char* kFont = "@cairo:sans-serif";
// cairo's own limit on the side of an image.
constexpr int kMaxSide = 32767;

// A cairo surface over its own pixels.
class Canvas {
 public:
  static Result<Canvas> create(int width, int height) {
    if (width < 1 || height < 1 || width > kMaxSide || height > kMaxSide) {
      return input_error("cannot draw on an image of {} x {} pixels; the longest side may have {}", width, height, kMaxSide);
    }
    HT_TRY(load_cairo());
    Canvas canvas;
    canvas.surface_.reset(cairo_image_surface_create(CAIRO_FORMAT_RGB24, width, height));
    canvas.context_.reset(cairo_create(canvas.surface_.get()));
    if (cairo_status(canvas.context_.get()) != CAIRO_STATUS_SUCCESS) {
      return input_error("cannot draw on an image of {} x {} pixels: {}", width, height,
                         cairo_status_to_string(cairo_status(canvas.context_.get())));
    }
    cairo_select_font_face(canvas.context_.get(), kFont, CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
    return canvas;
  }

  cairo_t* context() { return context_.get(); }
  int width() const { return cairo_image_surface_get_width(surface_.get()); }
  int height() const { return cairo_image_surface_get_height(surface_.get()); }

  // The image's left upper corner goes to (left, top); it lies inside the canvas.
  void paste(const Image& image, int left, int top) {
    cairo_surface_flush(surface_.get());
    for (int y = 0; y < image.height; ++y) {
      uint32_t* to = row(top + y) + left;
      const uint8_t* from = image.row(y);
      for (int x = 0; x < image.width; ++x, from += image.channels) {
        const uint32_t red = from[0], green = image.channels == 1 ? red : from[1], blue = image.channels == 1 ? red : from[2];
        to[x] = red << 16 | green << 8 | blue;
      }
    }
    cairo_surface_mark_dirty(surface_.get());
  }

  Image image() {
    cairo_surface_flush(surface_.get());
    Image image{width(), height(), 3, {}};
    image.pixels.resize(static_cast<size_t>(image.width) * image.height * 3);
    for (int y = 0; y < image.height; ++y) {
      uint8_t* to = image.row(y);
      const uint32_t* from = row(y);
      for (int x = 0; x < image.width; ++x) {
        *to++ = static_cast<uint8_t>(from[x] >> 16);
        *to++ = static_cast<uint8_t>(from[x] >> 8);
        *to++ = static_cast<uint8_t>(from[x]);
      }
    }
    return image;
  }

 private:
  Canvas() = default;
  uint32_t* row(int y) {
    unsigned char* pixels = cairo_image_surface_get_data(surface_.get());
    return reinterpret_cast<uint32_t*>(pixels + static_cast<ptrdiff_t>(y) * cairo_image_surface_get_stride(surface_.get()));
  }

  struct Destroy {
    void operator()(cairo_surface_t* surface) const { cairo_surface_destroy(surface); }
    void operator()(cairo_t* context) const { cairo_destroy(context); }
  };
  std::unique_ptr<cairo_surface_t, Destroy> surface_;
  std::unique_ptr<cairo_t, Destroy> context_;
};

void set_color(cairo_t* context, Color color) {
  cairo_set_source_rgb(context, color.red / 255.0, color.green / 255.0, color.blue / 255.0);
}

// cairo's context turns to an error state for good on text that is not UTF-8.
std::string ascii(const std::string& text) {
  std::string result;
  for (unsigned char c : text)
    if (c >= 32 && c < 127) result.push_back(static_cast<char>(c));
  return result;
}

double font_size_for(const Image& image) { return std::clamp(std::min(image.width, image.height) / 32.0, 10.0, 48.0); }

void draw_label(Canvas& canvas, const LabelledBox& box, double left, double top, double font_size) {
  cairo_t* context = canvas.context();
  const std::string text = ascii(box.label);
  cairo_text_extents_t extents;
  cairo_font_extents_t font;
  cairo_text_extents(context, text.c_str(), &extents);
  cairo_font_extents(context, &font);
  const double margin = 0.2 * font_size, width = extents.x_advance + 2 * margin, height = font.ascent + font.descent + margin;
  // Above the box, or inside it where there is no room above.
  const double y = std::max(0.0, top >= height ? top - height : top);
  const double x = std::clamp(left, 0.0, std::max(0.0, canvas.width() - width));
  set_color(context, box.color);
  cairo_rectangle(context, x, y, width, height);
  cairo_fill(context);
  const int brightness = 299 * box.color.red + 587 * box.color.green + 114 * box.color.blue;
  set_color(context, brightness > 140000 ? Color{0, 0, 0} : Color{255, 255, 255});
  cairo_move_to(context, x + margin, y + font.ascent + 0.5 * margin);
  cairo_show_text(context, text.c_str());
}

Status check_drawable(const Image& image) {
  const bool complete = (image.channels == 1 || image.channels == 3) && image.width > 0 && image.height > 0 &&
                        image.pixels.size() == static_cast<size_t>(image.width) * image.height * image.channels;
  if (!complete)
    return usage_error("an image of {} x {} pixels with {} channels cannot be drawn on", image.width, image.height,
                       image.channels);
  return {};
}

Result<Image> draw_checked(const Image& photo, std::span<const LabelledBox> boxes) {
  HT_ASSIGN(Canvas canvas, Canvas::create(photo.width, photo.height));
  canvas.paste(photo, 0, 0);
  cairo_t* context = canvas.context();
  const double line_width = std::max(1.5, std::min(photo.width, photo.height) / 240.0), font_size = font_size_for(photo);
  cairo_set_line_width(context, line_width);
  cairo_set_font_size(context, font_size);
  for (const LabelledBox& box : boxes) {
    if (!std::isfinite(box.x) || !std::isfinite(box.y) || !std::isfinite(box.width) || !std::isfinite(box.height)) continue;
    // Within cairo's fixed-point coordinates, wherever the box ends.
    const double left = std::clamp(box.x, -1.0, photo.width + 1.0),
                 right = std::clamp(box.x + box.width, -1.0, photo.width + 1.0);
    const double top = std::clamp(box.y, -1.0, photo.height + 1.0),
                 bottom = std::clamp(box.y + box.height, -1.0, photo.height + 1.0);
    set_color(context, box.color);
    cairo_rectangle(context, left, top, right - left, bottom - top);
    cairo_stroke(context);
    if (!box.label.empty()) draw_label(canvas, box, left - line_width / 2, top, font_size);
  }
  return canvas.image();
}

Result<Image> join_checked(std::span<const Captioned> images) {
  constexpr int kGap = 8;
  const int height = images[0].image.height;
  const double font_size = font_size_for(images[0].image);
  const int caption_height = static_cast<int>(std::ceil(1.8 * font_size));
  std::vector<double> scales;
  int64_t total = -kGap;
  for (const Captioned& each : images) {
    scales.push_back(static_cast<double>(height) / each.image.height);
    total += kGap + std::max<int64_t>(1, std::llround(each.image.width * scales.back()));
    if (total > kMaxSide) return input_error("the images are too wide to be put side by side");
  }
  HT_ASSIGN(Canvas canvas, Canvas::create(static_cast<int>(total), height + caption_height));
  cairo_t* context = canvas.context();
  set_color(context, {255, 255, 255});
  cairo_paint(context);
  cairo_set_font_size(context, font_size);
  int left = 0;
  for (size_t i = 0; i < images.size(); ++i) {
    const Image& image = images[i].image;
    const int width = std::max(1, static_cast<int>(std::lround(image.width * scales[i])));
    if (image.height == height) {
      canvas.paste(image, left, caption_height);
    } else {
      HT_ASSIGN(Canvas source, Canvas::create(image.width, image.height));
      source.paste(image, 0, 0);
      cairo_save(context);
      cairo_rectangle(context, left, caption_height, width, height);
      cairo_clip(context);
      cairo_translate(context, left, caption_height);
      cairo_scale(context, scales[i], scales[i]);
      cairo_set_source_surface(context, cairo_get_target(source.context()), 0, 0);
      cairo_pattern_set_extend(cairo_get_source(context), CAIRO_EXTEND_PAD);
      cairo_paint(context);
      cairo_restore(context);
    }
    set_color(context, {0, 0, 0});
    cairo_save(context);
    cairo_rectangle(context, left, 0, width, caption_height);
    cairo_clip(context);
    cairo_move_to(context, left + 0.2 * font_size, 1.25 * font_size);
    cairo_show_text(context, ascii(images[i].caption).c_str());
    cairo_restore(context);
    left += width + kGap;
  }
  return canvas.image();
}

}  // namespace

Color class_color(int index) {
  // Steps by the golden angle around the colour circle never come back to a hue.
  const double hue = std::fmod(std::abs(static_cast<double>(index)) * 137.508, 360.0) / 60.0;
  const auto channel = [&](double offset) {
    const double k = std::fmod(offset + hue, 6.0);
    return static_cast<uint8_t>(std::lround(255 * (0.95 - 0.8 * std::clamp(std::min(k, 4.0 - k), 0.0, 1.0))));
  };
  return {channel(5), channel(3), channel(1)};
}

Result<Image> draw_boxes(const Image& photo, std::span<const LabelledBox> boxes) {
  HT_TRY(check_drawable(photo));
  try {
    return draw_checked(photo, boxes);
  } catch (const std::bad_alloc&) {
    return input_error("not enough memory to draw on an image of {} x {} pixels", photo.width, photo.height);
  }
}

Result<Image> side_by_side(std::span<const Captioned> images) {
  if (images.empty()) return usage_error("there are no images to put side by side");
  for (const Captioned& each : images) HT_TRY(check_drawable(each.image));
  try {
    return join_checked(images);
  } catch (const std::bad_alloc&) {
    return input_error("not enough memory to put {} images side by side", images.size());
  }
}

}  // namespace ht
