// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ir/tensor.h"

namespace ht {

// The real numbers that a tensor stands for: itself where it has no scales, f32 ((q - zero_point) * scale) where it has.
Tensor dequantize(const Tensor& tensor, const std::optional<Affine>& affine);

}  // namespace ht
