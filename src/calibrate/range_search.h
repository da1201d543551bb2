// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "calibrate/range.h"

namespace ht {

// The magnitude at which TensorRT's entropy calibration clips; the histogram's greatest magnitude where it is too coarse to tell.
double entropy_threshold(const Histogram& histogram);

// The range within `widest` of the least mean squared error, in which clipped elements count four times where no function follows. Ends that are fixed do
// not move.
Range search_least_error(const Histogram& histogram, Range widest, bool min_is_fixed, bool max_is_fixed, const IntegerGrid& grid,
                         const std::function<double(double)>& activation);

}  // namespace ht
