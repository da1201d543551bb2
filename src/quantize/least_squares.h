// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "quantize/moments.h"

namespace ht {

// The rows of weights, in real units a unit of input, [outputs, size], moved to where their products with the quantized inputs come nearest to
// the float network's outputs, so that they take up what rounding before them did: w + (t - w h)(h + l diag(h))^-1 with h the moments of the
// inputs and t the cross moments. The damping l is the one with which weights fitted on some photos do best on others; where none does clearly better than
// the weights as they are, these stay.
void fit_to_outputs(const ObservedMoments& moments, std::span<const double> output_units, bool about_means, std::vector<double>& rows);

}  // namespace ht
