// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "base/result.h"

namespace ht {

// Walks protobuf's wire format before protobuf itself allocates: an empty message of two bytes becomes an object of some two
// hundred, so a hostile file could ask for a hundred times its size. Fails where the file is no ONNX model at all, is cut short
// or has more messages than any real model.
Status check_onnx_wire(std::span<const uint8_t> bytes);

}  // namespace ht
