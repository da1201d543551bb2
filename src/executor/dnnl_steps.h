// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runtime/placement.h"

namespace ht {

// The step on oneDNN, where that computes it; null otherwise. Not thread-safe: call it from one thread at a time.
std::unique_ptr<PlacedStep> dnnl_step(const Plan& plan, const Step& step);

}  // namespace ht
