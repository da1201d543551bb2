// SPDX-License-Identifier: Apache-2.0
// Between the integers that a file computes with and values that are quantized by their types.
#pragma once

#include "import/onnx/table.h"

namespace ht {

// Which inputs of a node hold scales and zero points, and along which axis they vary where there are several.
struct Parameters {
  size_t scales, zero_points;
  int64_t axis = 0;
};
// For a tensor of this type and shape. Zero points that are not there are 0.
Result<Affine> read_parameters(const ImportNode& node, const Parameters& parameters, DType dtype, const Shape& shape);

// The value that is quantized with these parameters and whose integers input i holds.
Result<ValueId> read_quantized(ImportNode& node, size_t i, const Affine& affine);
// The integers of input i as a tensor like any other.
Result<ValueId> read_integers(ImportNode& node, size_t i);
// Quantizes the first output, which has just been made; who reads it sees integers.
Status make_integers(ImportNode& node, DType dtype, const Affine& affine);

// Converts a node that reads what QuantizeLinear made, as integers. Operators that only move or select elements do the same to
// the real numbers, so their results are quantized like their inputs; others compute with the integers as they are.
Status import_on_integers(ImportNode& node, const OnnxRow& row);

}  // namespace ht
