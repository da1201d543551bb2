// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "api/head_error.h"
#include "api/trials.h"
#include "halftone/model.h"
#include "halftone/results.h"
#include "quantize/quantize.h"

namespace ht {

// What looking at calibration photos again measures; a look that is missing is not taken.
struct PhotoLooks {
  MeasureTrials trials;    // which layers' inputs are better left in float
  MeasureMoments moments;  // how weights are rounded
  MeasureHeads heads;      // whether factors between layers help, and what the target's rules cost
};
// All of it must outlive the result.
PhotoLooks looks_on_photos(const halftone::Model& model, const halftone::Recipe& recipe, bool skip_bad, const Context& context);

// The recipe that travels in the model: how its head is to be read is settled while its structure is still the float model's.
Result<halftone::Recipe> settled_recipe(const Graph& graph, const halftone::Recipe& recipe);

// The graph that `quantize` writes for the settled recipe, with the recipe and where it comes from in its metadata. Takes those looks at
// photos that the settings ask for. `cost`, where it is given, becomes what the target costs; that is not measured for `native`.
Result<QuantizedGraph> quantize_model(const halftone::Model& model, const halftone::Recipe& recipe, const Statistics& seen, const PhotoLooks& photos,
                                      const Context& context, std::optional<halftone::TargetCost>* cost = nullptr);

}  // namespace ht
