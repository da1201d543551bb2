// SPDX-License-Identifier: Apache-2.0
// Which weights keep 8 bits where others get 4, by what their rounding does to the heads.
#pragma once

#include "quantize/quantize.h"
#include "quantize/sensitivity.h"

namespace ht {

// Of the products that the request gives weights of 4 bits, and no rule, those that are best given 8: the ones whose rounding to 4 makes most of
// the heads' error for how many weights they have, as long as the request's average of bits allows it for all integer weights together.
Result<WideProducts> find_wide_products(const Graph& graph, const Statistics& statistics, QuantizeRequest request, const MeasureTrials& measure);

}  // namespace ht
