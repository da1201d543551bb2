// SPDX-License-Identifier: Apache-2.0
#include "import/onnx/suppression.h"

#include <algorithm>
#include <array>
#include <unordered_map>
#include <unordered_set>

#include <fmt/format.h>

#include "import/onnx/inline.h"

namespace ht {
namespace {

// What makes the indices of the chosen boxes out of the triples of batch, class and box.
constexpr std::array<std::string_view, 8> kMovers = {"Cast", "Flatten", "Gather", "Identity", "Reshape", "Slice", "Squeeze", "Unsqueeze"};

using Readers = std::unordered_map<std::string, std::vector<size_t>>;

Readers readers_of(const OnnxModel& model) {
  Readers readers;
  for (size_t i = 0; i < model.nodes.size(); ++i)
    for (const std::string& name : names_read(model.nodes[i])) readers[name].push_back(i);
  return readers;
}

int64_t integer_of(const OnnxNode& node, std::string_view name) {
  const auto found = std::ranges::find(node.attributes, name, &OnnxAttribute::name);
  const auto* value = found == node.attributes.end() ? nullptr : std::get_if<int64_t>(&found->value);
  return value ? *value : 0;
}

// Whether the node takes whole rows of its first input by its second one: [k] indices of Gather, or [k, 1] of GatherND, which an Unsqueeze made.
bool takes_rows(const OnnxNode& node, bool unsqueezed) {
  if (!node.domain.empty() || node.inputs.size() != 2 || node.outputs.size() != 1) return false;
  return (node.op_type == "Gather" && integer_of(node, "axis") == 0) ||
         (node.op_type == "GatherND" && integer_of(node, "batch_dims") == 0 && unsqueezed);
}

bool moves(const OnnxNode& node) {
  return node.domain.empty() && !node.inputs.empty() && node.outputs.size() == 1 && std::ranges::find(kMovers, node.op_type) != kMovers.end();
}

// The nodes that take the chosen rows; nothing where the choice is used otherwise.
std::optional<std::vector<size_t>> takers_of_rows(const OnnxModel& model, const Readers& readers, const OnnxNode& suppression) {
  std::unordered_map<std::string, bool> indices = {{suppression.outputs[0], false}};  // and whether an Unsqueeze made them
  std::vector<std::string> open = {suppression.outputs[0]};
  std::vector<size_t> takers;
  while (!open.empty()) {
    const std::string name = std::move(open.back());
    open.pop_back();
    if (std::ranges::find(model.info.outputs, name, &OnnxPort::name) != model.info.outputs.end()) return std::nullopt;
    const auto found = readers.find(name);
    if (found == readers.end()) continue;
    for (size_t reader : found->second) {
      const OnnxNode& node = model.nodes[reader];
      const bool as_indices = takes_rows(node, indices.at(name)) && node.inputs[1] == name && !indices.contains(node.inputs[0]);
      const bool as_data = moves(node) && node.inputs[0] == name && std::ranges::count(node.inputs, name) == 1;
      if (as_indices) {
        takers.push_back(reader);
      } else if (!as_data) {
        return std::nullopt;
      } else if (indices.emplace(node.outputs[0], node.op_type == "Unsqueeze").second) {
        open.push_back(node.outputs[0]);
      }
    }
  }
  return takers;
}

// What an initializer or a Constant holds.
std::optional<Tensor> constant_of(const OnnxModel& model, const std::string& name) {
  if (const auto found = model.initializers.find(name); found != model.initializers.end())
    return found->second ? std::optional(*found->second) : std::nullopt;
  for (const OnnxNode& node : model.nodes) {
    if (node.op_type != "Constant" || node.outputs.empty() || node.outputs[0] != name || node.attributes.size() != 1) continue;
    const auto& value = node.attributes[0].value;
    if (const auto* tensor = std::get_if<Tensor>(&value)) return *tensor;
    if (const auto* number = std::get_if<float>(&value)) return Tensor::of_floats({1}, Floats{*number});
    if (const auto* numbers = std::get_if<Floats>(&value)) return Tensor::of_floats({std::ssize(*numbers)}, *numbers);
    if (const auto* numbers = std::get_if<Ints>(&value)) return Tensor::of_int64s(*numbers);
  }
  return std::nullopt;
}

// Whether a Slice is told its axes, and the rows' is none of them.
bool slices_columns(const OnnxModel& model, const OnnxNode& node) {
  if (node.inputs.size() < 4) return false;
  const auto axes = constant_of(model, node.inputs[3]);
  if (!axes || !is_integer(axes->dtype())) return false;
  return std::ranges::all_of(axes->to_int64s(), [](int64_t axis) { return axis > 0; });
}

// Whether the node keeps all rows, so that it may as well have those that were not chosen.
bool keeps_rows(const OnnxModel& model, const OnnxNode& node) {
  constexpr std::array<std::string_view, 17> kKeepers = {"Add", "Cast", "Ceil", "Clip",  "Concat", "Div",     "Floor", "Identity",  "Max",
                                                         "Min", "Mul",  "Neg",  "Round", "Split",  "Squeeze", "Sub",   "Unsqueeze"};
  if (!node.domain.empty()) return false;
  if (node.op_type == "Slice") return slices_columns(model, node);
  if (node.op_type == "Gather") return integer_of(node, "axis") > 0;
  return std::ranges::find(kKeepers, node.op_type) != kKeepers.end();
}

// A limit to their number, say, means the best of those that were chosen.
bool keep_rows_to_the_end(const OnnxModel& model, const Readers& readers, const std::vector<size_t>& takers) {
  std::vector<std::string> open;
  std::unordered_set<std::string> seen;
  for (size_t taker : takers) open.push_back(model.nodes[taker].outputs[0]);
  while (!open.empty()) {
    const std::string name = std::move(open.back());
    open.pop_back();
    const auto found = readers.find(name);
    if (!seen.insert(name).second || found == readers.end()) continue;
    for (size_t reader : found->second) {
      if (!keeps_rows(model, model.nodes[reader])) return false;
      open.insert(open.end(), model.nodes[reader].outputs.begin(), model.nodes[reader].outputs.end());
    }
  }
  return true;
}

}  // namespace

std::optional<float> allowed_overlap(const OnnxModel& model, const OnnxNode& suppression) {
  if (suppression.inputs.size() < 4 || suppression.inputs[3].empty()) return 0.0f;
  const auto number = constant_of(model, suppression.inputs[3]);
  if (!number || number->dtype() != DType::kFloat32 || number->size() != 1) return std::nullopt;
  const float overlap = number->to_floats()[0];
  return overlap >= 0 && overlap <= 1 ? std::optional(overlap) : std::nullopt;
}

void leave_out_closing_suppression(OnnxModel& model) {
  const Readers readers = readers_of(model);
  for (const OnnxNode& node : model.nodes) {
    if (node.op_type != "NonMaxSuppression" || !node.domain.empty() || node.outputs.size() != 1) continue;
    const auto overlap = allowed_overlap(model, node);
    const auto takers = takers_of_rows(model, readers, node);
    if (!overlap || !takers || !keep_rows_to_the_end(model, readers, *takers)) continue;
    for (size_t taker : *takers) {
      OnnxNode& gather = model.nodes[taker];
      gather.op_type = "Identity";
      gather.inputs.resize(1);
      gather.attributes.clear();
    }
    if (!takers->empty()) model.info.metadata[kSuppressionKey] = fmt::format("{}", *overlap);
  }
}

}  // namespace ht
