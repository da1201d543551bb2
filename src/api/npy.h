// SPDX-License-Identifier: Apache-2.0
// NumPy's .npy format.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "halftone/model.h"

namespace ht {

// A whole .npy file, version 1 to 3, of numbers in either order of bytes and of axes. Unsigned integers of 32 and 64 bits, for which
// no element type stands, become i64.
Result<halftone::Tensor> parse_npy(std::span<const uint8_t> bytes);
// Version 1, in C order. kUsage for types that NumPy lacks.
Result<std::string> format_npy(const halftone::Tensor& tensor);

}  // namespace ht
