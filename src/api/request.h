// SPDX-License-Identifier: Apache-2.0
// From a recipe to what quantize_graph() takes.
#pragma once

#include <optional>

#include "halftone/operations.h"
#include "quantize/quantize.h"

namespace ht {

// What [quantize] asks for.
Result<QuantizeRequest> make_request(const halftone::QuantizeSettings& settings, const Context& context);

// Whether to look at photos again; who asks for the plain methods, or for a quick result, gets that.
bool looks_at_photos(const halftone::Recipe& recipe, const QuantizeRequest& request);

// Whether factors may be moved between layers: where weights have one scale for all, and photos can tell whether that helps.
bool may_move_factors(const halftone::Recipe& recipe, const QuantizeRequest& request);

// The hash of the data that [calibration] names; it costs reading the files once more, but no run.
Result<std::string> data_hash(const Graph& graph, const halftone::Recipe& recipe);

// Whether layers are left in float for the sake of accuracy, by a look at photos. To 16 bits no input is rounded so that it harms.
bool spares_layers(const halftone::Recipe& recipe, const QuantizeRequest& request);

// Whether photos tell which ranges clip nothing. With 16 bits none does.
bool refines_ranges(const halftone::Recipe& recipe, const QuantizeRequest& request);

// Whether photos tell which weights keep 8 bits where the others get 4.
bool widens_products(const halftone::Recipe& recipe, const QuantizeRequest& request);

// The statistics that were given, or made now; none where nothing depends on them. Those of another model, other data or other
// preprocessing are refused.
Result<std::optional<halftone::Statistics>> statistics_for(const halftone::Model& model, const halftone::Recipe& recipe, const QuantizeRequest& request,
                                                           const halftone::QuantizeOptions& options, const Context& context);

}  // namespace ht
