// SPDX-License-Identifier: Apache-2.0
// Concat, Split and Slice without copies.
#pragma once

#include "plan/plan.h"

namespace ht {

// Where a step only copies elements into a part of a wider value, lets what it copies be made in that part; where it copies a part
// of a wider value, lets the readers read it there. Applies where every step concerned can reach its elements so by the strides in its
// parameters; other copies stay. The network's inputs and outputs keep memory of their own.
void elide_copies(Plan& plan);

}  // namespace ht
