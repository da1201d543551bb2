// SPDX-License-Identifier: Apache-2.0
// Values that a Concat would give a scale far too coarse for their other readers.
#pragma once

#include <vector>

#include "calibrate/statistics.h"
#include "quantize/equalized.h"
#include "quantize/roles.h"

namespace ht {

// Looks at parameters as assign_parameters() gave them. Where a Concat has one scale, of which a value that others read as well spans only a few steps, the
// Concat reads a converted copy of that value. Says whether there was one: all quantized values are then without parameters, to be given anew.
bool convert_narrow_values(Graph& graph, std::vector<Role>& roles, std::vector<bool>& quantized, const Statistics& statistics, const Equalizations& equalized);

}  // namespace ht
