// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <vector>

#include "ir/type.h"
#include "kernels/c/ht_copy.h"

namespace ht {

// Copies elements of so many bytes; strides are in elements, and `order` names the axes, the innermost one last. Axes that are adjacent on
// both sides become one, but not a row so long that threads could not share the work.
ht_copy_params make_copy(int64_t element_bytes, const Shape& shape, const std::vector<size_t>& order, const Shape& input_strides,
                         const Shape& output_strides);

}  // namespace ht
