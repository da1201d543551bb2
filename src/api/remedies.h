// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "api/sensitivity.h"
#include "halftone/model.h"
#include "halftone/results.h"

namespace ht {

// Statistics of all samples that [calibration] names.
using CalibrateOnAll = std::function<Result<halftone::Statistics>()>;

// The network that remedies are for: what the recipe asks for, with weights rounded to the nearest and nothing spared, what `quantize` makes
// of it, and the error of the heads of that.
struct Ailing {
  const QuantizeRequest& request;
  const QuantizedVariant &plain, &whole;
  double error;
};

// What might help a layer, from what was measured of it and of the values that it reads, tried on the whole network: constants that the
// remedy changes are rounded to the nearest, all others stay as they are. Of remedies that help nearly as much as the best, the one that
// costs least is recommended; none where none helps. Calibrates again only where layers read much that calibration has not seen.
Result<std::vector<halftone::Remedy>> try_remedies(Sensitivity& sensitivity, const Ailing& ailing, std::span<const halftone::LayerHarm> layers,
                                                   std::span<const halftone::AnalyzedValue> values, const CalibrateOnAll& calibrate);

}  // namespace ht
