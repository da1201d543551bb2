// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "image/preprocess.h"
#include "kernels/c/ht_image.h"

namespace ht {

// What of the preprocessing decides on pixels; it must have passed check().
ht_image_params kernel_parameters(const Preprocess& preprocess);

}  // namespace ht
