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

// What might help a layer, from what was measured of it and of the values that it reads, tried on the whole network. `request` is what the
// recipe asks for, whose error of the heads is `error`. Of remedies that help nearly as much as the best, the one that costs least is
// recommended; none where none helps. Calibrates again only where layers read much that calibration has not seen.
Result<std::vector<halftone::Remedy>> try_remedies(Sensitivity& sensitivity, const QuantizeRequest& request, double error,
                                                   std::span<const halftone::LayerHarm> layers,
                                                   std::span<const halftone::AnalyzedValue> values, const CalibrateOnAll& calibrate);

}  // namespace ht
