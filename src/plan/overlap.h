// SPDX-License-Identifier: Apache-2.0
// Where a step may write its output over an input that nothing reads later.
#pragma once

#include <optional>

#include "plan/plan.h"

namespace ht {

// How many bytes (0 or more) the memory of `input` must begin behind the memory of the step's output, at least, so that the step never
// writes over what it still has to read, when one call computes all units in order (ht_kernel.h). Both are roots, and not the same
// one. Nothing where the step's kernel does not allow any overlap.
//
// Elements of an elementwise kernel may be overwritten as soon as they are read; those under a window, when no later row needs them.
std::optional<int64_t> clearance(const Plan& plan, const Step& step, BufferId input);

}  // namespace ht
