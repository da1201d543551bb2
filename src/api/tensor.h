// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "halftone/model.h"
#include "ir/graph.h"

namespace ht {

halftone::Tensor to_public(std::string name, const Tensor& tensor);
// kUsage where the type is unknown or the bytes are not as many as the shape needs.
Result<Tensor> to_internal(const halftone::Tensor& tensor);

// Floats for quantized inputs become their integers; everything else stays as it is.
Tensor as_input(const TensorType& type, const Tensor& given);
std::vector<Tensor> as_inputs(const Graph& graph, std::span<const Tensor> given);
// The graph's outputs as real numbers, where they are quantized.
std::vector<Tensor> as_real(const Graph& graph, std::vector<Tensor> outputs);

halftone::ValueInfo value_info(std::string name, const TensorType& type);

}  // namespace ht
