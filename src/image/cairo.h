// SPDX-License-Identifier: Apache-2.0
// cairo's functions, looked up when something is first drawn: within namespace ht, these pointers are found for the names in
// cairo.h.
#pragma once

#include <cairo.h>

#include "base/result.h"

namespace ht {

#define HT_CAIRO_FUNCTIONS(X)       \
  X(cairo_clip)                     \
  X(cairo_create)                   \
  X(cairo_destroy)                  \
  X(cairo_fill)                     \
  X(cairo_font_extents)             \
  X(cairo_get_source)               \
  X(cairo_get_target)               \
  X(cairo_image_surface_create)     \
  X(cairo_image_surface_get_data)   \
  X(cairo_image_surface_get_height) \
  X(cairo_image_surface_get_stride) \
  X(cairo_image_surface_get_width)  \
  X(cairo_move_to)                  \
  X(cairo_paint)                    \
  X(cairo_pattern_set_extend)       \
  X(cairo_rectangle)                \
  X(cairo_restore)                  \
  X(cairo_save)                     \
  X(cairo_scale)                    \
  X(cairo_select_font_face)         \
  X(cairo_set_font_size)            \
  X(cairo_set_line_width)           \
  X(cairo_set_source_rgb)           \
  X(cairo_set_source_surface)       \
  X(cairo_show_text)                \
  X(cairo_status)                   \
  X(cairo_status_to_string)         \
  X(cairo_stroke)                   \
  X(cairo_surface_destroy)          \
  X(cairo_surface_flush)            \
  X(cairo_surface_mark_dirty)       \
  X(cairo_text_extents)             \
  X(cairo_translate)

#define HT_DECLARE(name) inline decltype(&::name) name = nullptr;
HT_CAIRO_FUNCTIONS(HT_DECLARE)
#undef HT_DECLARE

// None of them may be called before. An error where the library is missing.
Status load_cairo();

}  // namespace ht
