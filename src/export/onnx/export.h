// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "ir/graph.h"

namespace ht {

// The graph as an ONNX file of opset 13, or 21 where 4-bit or 16-bit integers or an attribute need it. Quantized values are
// written as QuantizeLinear and DequantizeLinear around them, constants as integers with DequantizeLinear behind them, scales
// that vary along two axes as a Mul by the second axis's factors. Conversions are folded first (ir/conversions.h).
// The same graph gives the same bytes; names of values and nodes are kept, and importing the file gives the folded graph back
// but for operators that opset 13 has not (SiLU, Mish, GELU, hard swish), which passes recognise again.
Result<std::vector<uint8_t>> export_onnx(const Graph& graph);

}  // namespace ht
