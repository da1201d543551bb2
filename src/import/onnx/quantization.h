// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "import/onnx/table.h"

namespace ht {

// Converts a node that reads what QuantizeLinear made, as integers. Operators that only move or select elements do the same to
// the real numbers, so their results are quantized like their inputs; others are refused.
Status import_on_integers(ImportNode& node, const OnnxRow& row);

}  // namespace ht
