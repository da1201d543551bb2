// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string_view>

namespace ht {

// Runs every variant of a kernel that this machine can run on made-up tensors of many shapes; whether all give the normative
// kernel's bits. Nothing where the kernel of that name has no such check.
std::optional<bool> variants_agree(std::string_view kernel);

}  // namespace ht
