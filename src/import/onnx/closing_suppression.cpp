// SPDX-License-Identifier: Apache-2.0
#include "import/onnx/closing_suppression.h"

#include <algorithm>
#include <array>
#include <unordered_map>

#include <fmt/format.h>

#include "import/onnx/inline.h"
#include "import/onnx/suppression.h"

namespace ht {
namespace {

using Names = std::unordered_set<std::string>;

bool is_suppression(const OnnxNode& node) {
  return node.op_type == "NonMaxSuppression" && node.domain.empty() && node.inputs.size() >= 2 && node.outputs.size() == 1;
}

// A node whose output holds the same elements as its first input.
bool only_moves(const OnnxNode& node) {
  constexpr std::array<std::string_view, 7> kMovers = {"Cast",    "Flatten",   "Identity", "Reshape",
                                                       "Squeeze", "Transpose", "Unsqueeze"};
  return node.domain.empty() && !node.inputs.empty() && std::ranges::find(kMovers, node.op_type) != kMovers.end();
}

bool reads_any(const OnnxNode& node, const Names& names) {
  return std::ranges::any_of(names_read(node), [&](const std::string& name) { return names.contains(name); });
}

// Nodes are in an order in which they can run.
Names values_behind(const OnnxModel& model, const OnnxNode& suppression) {
  Names behind = {suppression.outputs[0]};
  for (const OnnxNode& node : model.nodes)
    if (reads_any(node, behind)) behind.insert(node.outputs.begin(), node.outputs.end());
  behind.erase("");
  return behind;
}

// The boxes and scores in every shape that they have in the model.
Names shapes_of_choice(const OnnxModel& model, const OnnxNode& suppression) {
  Names same = {suppression.inputs[0], suppression.inputs[1]};
  for (auto node = model.nodes.rbegin(); node != model.nodes.rend(); ++node)
    if (only_moves(*node) && same.contains(node->outputs.at(0))) same.insert(node->inputs[0]);
  for (const OnnxNode& node : model.nodes)
    if (only_moves(node) && same.contains(node.inputs[0])) same.insert(node.outputs.at(0));
  return same;
}

// What the network's input decides, unlike shapes and other constants.
Names computed_values(const OnnxModel& model) {
  Names computed;
  for (const OnnxPort& input : model.info.inputs) computed.insert(input.name);
  for (const OnnxNode& node : model.nodes)
    if (node.op_type != "Shape" && node.op_type != "Size" && reads_any(node, computed))
      computed.insert(node.outputs.begin(), node.outputs.end());
  return computed;
}

bool picks_others(const OnnxModel& model, const OnnxNode& suppression, const Names& behind) {
  const Names own = shapes_of_choice(model, suppression), computed = computed_values(model);
  const auto is_other = [&](const std::string& name) {
    return computed.contains(name) && !behind.contains(name) && !own.contains(name);
  };
  return std::ranges::any_of(model.nodes, [&](const OnnxNode& node) {
    return reads_any(node, behind) && std::ranges::any_of(names_read(node), is_other);
  });
}

}  // namespace

std::optional<ClosingSuppression> find_closing_suppression(const OnnxModel& model) {
  const auto found = std::ranges::find_if(model.nodes, is_suppression);
  if (found == model.nodes.end() || std::ranges::count_if(model.nodes, is_suppression) > 1) return std::nullopt;
  const auto overlap = allowed_overlap(model, *found);
  if (!overlap) return std::nullopt;
  Names behind = values_behind(model, *found);
  const bool others = picks_others(model, *found, behind);
  return ClosingSuppression{found->name, found->inputs[0], found->inputs[1], *overlap, std::move(behind), others};
}

void end_before(const ClosingSuppression& closing, OnnxModelInfo& info) {
  std::vector<OnnxPort> kept;
  for (OnnxPort& output : info.outputs) {
    if (!closing.behind.contains(output.name)) kept.push_back(std::move(output));
  }
  for (const std::string& name : {closing.boxes, closing.scores}) {
    if (std::ranges::find(kept, name, &OnnxPort::name) == kept.end()) kept.push_back({name, DType::kFloat32, std::nullopt});
  }
  info.outputs = std::move(kept);
  info.metadata[kSuppressionKey] = fmt::format("{}", closing.overlap);
}

}  // namespace ht
