// SPDX-License-Identifier: Apache-2.0
// What a detector's bundle does from a camera's frame to boxes, and what its test holds that against.
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <vector>

#include "codegen/bundle.h"
#include "halftone/model.h"

namespace ht {

// Null where the model does not say that it is a detector. An error says what keeps the bundle of a detector from having NAME_detect().
Result<std::shared_ptr<const Detection>> detection_of(const halftone::Model& model, const Design& design);

// Painted frames of all formats, and the photos made small, with the boxes that Session::detect() finds in the same pixels. The design
// has a detection.
Result<std::vector<FrameVector>> frame_vectors(const halftone::Model& model, const Design& design, std::span<const std::filesystem::path> photos,
                                               const Context& context);

}  // namespace ht
