// SPDX-License-Identifier: Apache-2.0
// Parameters of convolutions that a kernel has packed: most of their struct is pointers that it does not read and numbers below 2^15, so that
// a bundle keeps the numbers in 16 bits and fills the struct in when the step runs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "codegen/bundle_kernels.h"

namespace ht {

// The struct's integers in their order; nothing where it has more than these, a packed array and padding, or a larger number.
std::optional<std::vector<int16_t>> compact_numbers(const KernelParams& params);

// The C function that runs such steps of a kernel, of parameters like these: NAME(numbers, packed, padding, arguments, units).
std::string compact_function_name(const BundleCall& call);
std::string compact_function(const BundleCall& call, const KernelParams& params);

}  // namespace ht
