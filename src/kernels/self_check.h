// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace ht {

// Runs every variant of a kernel that this machine can run on made-up tensors of many shapes; whether all give the normative
// kernel's bits. False where no kernel has that name.
bool variants_agree(std::string_view kernel);

}  // namespace ht
