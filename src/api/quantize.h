// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "api/trials.h"
#include "halftone/model.h"
#include "quantize/quantize.h"

namespace ht {

// What looking at calibration photos again measures; a look that is missing is not taken.
struct PhotoLooks {
  MeasureTrials trials;    // which layers' inputs are better left in float
  MeasureMoments moments;  // how weights are rounded
};
// All of it must outlive the result.
PhotoLooks looks_on_photos(const halftone::Model& model, const halftone::Recipe& recipe, bool skip_bad, const Context& context);

// The recipe that travels in the model: how its head is to be read is settled while its structure is still the float model's.
Result<halftone::Recipe> settled_recipe(const Graph& graph, const halftone::Recipe& recipe);

// The graph that `quantize` writes for the settled recipe, with the recipe and where it comes from in its metadata. Takes those looks at
// photos that the settings ask for.
Result<QuantizedGraph> quantize_model(const halftone::Model& model, const halftone::Recipe& recipe, const Statistics& seen, const PhotoLooks& photos,
                                      const Context& context);

}  // namespace ht
