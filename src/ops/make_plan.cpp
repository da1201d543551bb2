// SPDX-License-Identifier: Apache-2.0
#include <array>

#include "ops/ops.h"
#include "ops/prepare.h"

namespace ht {
namespace {

constexpr std::array<std::string_view, 6> kPolicyNames = {"float-half-even", "fixed-single", "fixed-double",
                                                          "fixed-rndnu",     "shift-half-up", "float-half-away"};

template <class Attributes>
Status prepare_op(const Attributes& op, PrepareContext& context) {
  if constexpr (kHasSteps<Attributes>) {
    return prepare(op, context);
  } else {
    return unsupported("the operator {} can only be folded at import, not computed at run time", op_name(Op(op)));
  }
}

Status check_sizes(const Graph& graph) {
  for (const Value& value : graph.values)
    if (element_count(value.type.shape) > INT32_MAX || value.type.shape.size() > HT_MAX_RANK)
      return unsupported("the shape {} is too large: at most {} axes and 2^31 elements can be computed", shape_text(value.type.shape),
                         static_cast<int>(HT_MAX_RANK))
          .in("value " + value.name);
  return {};
}

// Kernels read scales along the channels or the last axis.
Status check_scales(const Graph& graph) {
  for (const Value& value : graph.values) {
    if (value.constant || !is_stored(value.type) || value.type.affine->is_per_tensor()) continue;
    const auto axis = value.type.affine->axis();
    if (!axis || (*axis != 1 && *axis + 1 != value.type.shape.size()))
      return unsupported("its scales vary along an axis other than the channels; give it one scale a channel or one in all").in("value " + value.name);
  }
  return {};
}

}  // namespace

std::string_view policy_name(Policy policy) { return kPolicyNames[static_cast<size_t>(policy)]; }

std::optional<Policy> policy_from_name(std::string_view name) {
  for (size_t i = 0; i < kPolicyNames.size(); ++i)
    if (kPolicyNames[i] == name) return static_cast<Policy>(i);
  return std::nullopt;
}

Result<Plan> make_plan(const Graph& graph) {
  HT_TRY(check_sizes(graph));
  HT_TRY(check_scales(graph));
  Policy policy = Policy::kFloatHalfEven;
  if (const auto named = graph.metadata.find(std::string(kPolicyKey)); named != graph.metadata.end()) {
    const auto known = policy_from_name(named->second);
    if (!known) return unsupported("the file asks for the requantization policy \"{}\", which this version does not know", named->second);
    policy = *known;
  }
  Plan plan;
  PrepareContext context(graph, policy, plan);
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    if (context.is_absorbed(NodeId(i))) continue;
    const Node& node = graph.nodes[i];
    context.begin(NodeId(i));
    Status status = std::visit([&](const auto& op) { return prepare_op(op, context); }, node.op);
    if (status) status = context.finish();
    if (!status) return std::move(status.error()).in(fmt::format("node {} ({})", node.name, op_name(node.op)));
  }
  HT_TRY(context.finish_graph());
  return plan;
}

}  // namespace ht
