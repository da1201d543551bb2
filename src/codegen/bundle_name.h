// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace ht {

// An identifier for a bundle's files, library and functions. Where that is the name of a header which the bundle's files would include in its place, of
// a target that CMake has already, or of kernels' files and macros, whatever the case of letters, `_net` follows it.
std::string bundle_name(std::string_view wish);

}  // namespace ht
