// SPDX-License-Identifier: Apache-2.0
#include "image/cairo.h"

#include "base/shared_library.h"

namespace ht {
namespace {

Status load_once() {
  HT_ASSIGN(const SharedLibrary library, SharedLibrary::load("libcairo.so.2", "cairo, which draws boxes and captions"));
#define HT_BIND(name) HT_TRY(library.bind(name, #name));
  HT_CAIRO_FUNCTIONS(HT_BIND)
#undef HT_BIND
  return {};
}

}  // namespace

Status load_cairo() {
  static const Status loaded = load_once();
  return loaded;
}

}  // namespace ht
