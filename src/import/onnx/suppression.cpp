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

std::optional<float> only_number(const Tensor& tensor) {
  return tensor.dtype() == DType::kFloat32 && tensor.size() == 1 ? std::optional(tensor.data<float>()[0]) : std::nullopt;
}

// The number that an initializer or a Constant holds alone.
std::optional<float> number_of(const OnnxModel& model, const std::string& name) {
  if (const auto found = model.initializers.find(name); found != model.initializers.end())
    return found->second ? only_number(*found->second) : std::nullopt;
  for (const OnnxNode& node : model.nodes) {
    if (node.op_type != "Constant" || node.outputs.empty() || node.outputs[0] != name || node.attributes.size() != 1) continue;
    const auto& value = node.attributes[0].value;
    if (const auto* number = std::get_if<float>(&value)) return *number;
    if (const auto* numbers = std::get_if<Floats>(&value)) return numbers->size() == 1 ? std::optional(numbers->front()) : std::nullopt;
    if (const auto* tensor = std::get_if<Tensor>(&value)) return only_number(*tensor);
  }
  return std::nullopt;
}

// What overlaps more is dropped; ONNX's default drops whatever overlaps.
std::optional<float> allowed_overlap(const OnnxModel& model, const OnnxNode& suppression) {
  if (suppression.inputs.size() < 4 || suppression.inputs[3].empty()) return 0.0f;
  const auto overlap = number_of(model, suppression.inputs[3]);
  return overlap && *overlap >= 0 && *overlap <= 1 ? overlap : std::nullopt;
}

}  // namespace

void leave_out_closing_suppression(OnnxModel& model) {
  const Readers readers = readers_of(model);
  for (const OnnxNode& node : model.nodes) {
    if (node.op_type != "NonMaxSuppression" || !node.domain.empty() || node.outputs.size() != 1) continue;
    const auto overlap = allowed_overlap(model, node);
    const auto takers = takers_of_rows(model, readers, node);
    if (!overlap || !takers) continue;
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
