// SPDX-License-Identifier: Apache-2.0
// Parameters of convolutions that a kernel has packed: most of their struct is pointers that it does not read and small numbers, so that
// a bundle keeps the numbers in a byte or three each and fills the struct in when the step runs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "codegen/bundle_kernels.h"

namespace ht {

// The struct's integers in their order, from 0 to 254 a byte each, others of 16 bits as 255 and two bytes, the low one first; nothing where it has
// more than these, a packed array and padding, or a larger number.
std::optional<std::vector<uint8_t>> compact_numbers(const KernelParams& params);

// The C function that reads such a number.
std::string compact_reader();

// The C function that runs such steps of a kernel, of parameters like these: NAME(numbers, packed, padding, input, output, scratch).
std::string compact_function_name(const BundleCall& call);
std::string compact_function(const BundleCall& call, const KernelParams& params);

}  // namespace ht
