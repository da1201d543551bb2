// SPDX-License-Identifier: Apache-2.0
// Functions of floats that are computed where their argument lies.
#pragma once

#include "plan/plan.h"

namespace ht {

// Lets a function of floats write over what the step before it has made, where nothing else reads that. Comes after
// elide_copies(), because steps are moved no more after it.
void compute_in_place(Plan& plan);

// Of a step that makes all of a value row by row and whose next one computes a function of it in place: so many of its units are
// whole units of that function. 0 of other steps.
int32_t units_until_function(const Plan& plan, size_t step);

}  // namespace ht
