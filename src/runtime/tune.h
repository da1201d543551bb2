// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "plan/plan.h"

namespace ht {

// For each step the kernel that took the least time on this machine, of the first few that may run it: which one that is depends on
// shapes in ways that no simple rule knows. Results do not depend on it.
std::vector<std::string> tune(const std::shared_ptr<const Plan>& plan, Isa isa, int threads);

}  // namespace ht
