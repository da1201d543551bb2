// SPDX-License-Identifier: Apache-2.0
// Which values are better not clipped, by what both does to the heads.
#pragma once

#include <set>
#include <string>

#include "quantize/quantize.h"
#include "quantize/sensitivity.h"

namespace ht {

// `made` is what the request gives. Of the values that share parameters there, those whose rounding, with that of the weights of the products that read them, harms
// the heads clearly less where their range holds all that was seen: each is rounded alone, both ways. None where the whole network does not win clearly by them.
// What few photos have at the places that matter, a histogram of all places hardly counts.
Result<std::set<std::string>> find_unclipped_values(const Graph& graph, const Statistics& statistics, QuantizeRequest request, const QuantizedGraph& made,
                                                    const MeasureTrials& measure);

}  // namespace ht
