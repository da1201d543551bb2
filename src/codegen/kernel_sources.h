// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/embedded_file.h"

namespace ht {

// The files that define these functions, and those named, with all that they include and call, by their paths below src
// ("kernels/c/ht_conv.c").
std::vector<EmbeddedFile> kernel_sources(const std::set<std::string>& functions, const std::set<std::string>& files);

// The header that declares a kernel's function.
std::string declaring_header(const std::string& function);

// A file of src/codegen/templates.
std::string_view template_text(std::string_view path);

}  // namespace ht
