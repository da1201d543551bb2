// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "base/result.h"
#include "codegen/bundle.h"
#include "halftone/results.h"

namespace ht {

// kInput, with what to install, where what verify_bundle() needs is not on PATH.
Status can_verify(const Design& design);

// Builds the bundle in the folder and runs its test, adds what that showed to the result, and writes the report anew where it was measured.
// A test that fails is no error.
Status verify_bundle(const Design& design, const std::filesystem::path& folder, const std::filesystem::path& report, halftone::CompileResult& result,
                     const Context& context);

}  // namespace ht
