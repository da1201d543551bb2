// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "halftone/model.h"
#include "ir/tensor.h"

namespace ht {

halftone::Tensor to_public(std::string name, const Tensor& tensor);
// kUsage where the type is unknown or the bytes are not as many as the shape needs.
Result<Tensor> to_internal(const halftone::Tensor& tensor);

halftone::ValueInfo value_info(std::string name, const TensorType& type);

}  // namespace ht
