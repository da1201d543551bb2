// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace ht {

// A file of this repository that is part of the program, so that an installed one needs no files beside it.
struct EmbeddedFile {
  std::string_view path, text;
};

}  // namespace ht
