// SPDX-License-Identifier: Apache-2.0
// The prepare facet of all families: a node's integers and kernel calls for the plan.
#pragma once

#include "ops/op_list.h"
#include "plan/prepare.h"

namespace ht {

#define HT_DECLARE_PREPARE(Type, folder, is_float, is_integer) Status prepare(const Type& op, PrepareContext& context);
HT_OPS(HT_DECLARE_PREPARE)
#undef HT_DECLARE_PREPARE

// Whether a family has prepare(), as the list says.
template <class Attributes>
inline constexpr bool kHasSteps = false;
#define HT_DECLARE_HAS_STEPS(Type, folder, is_float, is_integer) \
  template <>                                                    \
  inline constexpr bool kHasSteps<Type> = is_float;
HT_OPS(HT_DECLARE_HAS_STEPS)
#undef HT_DECLARE_HAS_STEPS

// Derives every integer of the graph under its policy ("halftone.requantization" in the metadata, float half to even where
// that is missing). Errors name the node.
Result<Plan> make_plan(const Graph& graph);

// The policy's name in files, and back.
std::string_view policy_name(Policy policy);
std::optional<Policy> policy_from_name(std::string_view name);

}  // namespace ht
