// SPDX-License-Identifier: Apache-2.0
#include "import/onnx/text.h"

#include <algorithm>
#include <string_view>

namespace ht {
namespace {

// Well-formed sequences by the Unicode standard's table 3-7: no overlong forms, no surrogates, nothing above U+10FFFF.
size_t sequence_length(std::string_view text) {
  const auto byte = [&](size_t i) { return i < text.size() ? static_cast<uint8_t>(text[i]) : uint8_t{0}; };
  const auto continues = [&](size_t i) { return (byte(i) & 0xc0) == 0x80; };
  const uint8_t lead = byte(0), second = byte(1);
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead <= 0xdf && continues(1)) return 2;
  if ((lead & 0xf0) == 0xe0 && continues(1) && continues(2) && !(lead == 0xe0 && second < 0xa0) &&
      !(lead == 0xed && second > 0x9f))
    return 3;
  const bool in_range = !(lead == 0xf0 && second < 0x90) && !(lead == 0xf4 && second > 0x8f);
  if (lead >= 0xf0 && lead <= 0xf4 && in_range && continues(1) && continues(2) && continues(3)) return 4;
  return 0;
}

}  // namespace

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const size_t length = sequence_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

namespace {

bool is_text(const std::string& text) { return is_utf8(text); }

bool is_text(const OnnxSubgraph& graph);

bool is_text(const OnnxAttribute& attribute) {
  const auto* value = std::get_if<std::string>(&attribute.value);
  const auto* graph = std::get_if<std::shared_ptr<const OnnxSubgraph>>(&attribute.value);
  return is_text(attribute.name) && (!value || is_text(*value)) && (!graph || is_text(**graph));
}

bool is_text(const OnnxNode& node) {
  const auto all = [](const auto& texts) { return std::ranges::all_of(texts, [](const auto& text) { return is_text(text); }); };
  return is_text(node.name) && is_text(node.op_type) && is_text(node.domain) && all(node.inputs) && all(node.outputs) &&
         all(node.attributes);
}

bool is_text(const OnnxSubgraph& graph) {
  const auto all = [](const auto& texts) { return std::ranges::all_of(texts, [](const auto& text) { return is_text(text); }); };
  return all(graph.nodes) && all(graph.inputs) && all(graph.outputs) &&
         std::ranges::all_of(graph.initializers, [](const auto& entry) { return is_text(entry.first); });
}

bool is_text(const OnnxPort& port) {
  const auto has_name = [](const OnnxDimension& dimension) { return is_text(dimension.parameter); };
  return is_text(port.name) && (!port.dimensions || std::ranges::all_of(*port.dimensions, has_name));
}

bool is_text(const OnnxModelInfo& info) {
  const auto good_port = [](const OnnxPort& port) { return is_text(port); };
  const auto good_entry = [](const auto& entry) { return is_text(entry.first) && is_text(entry.second); };
  const auto good_opset = [](const auto& entry) { return is_text(entry.first); };
  return is_text(info.producer) && is_text(info.producer_version) && is_text(info.graph_name) &&
         std::ranges::all_of(info.inputs, good_port) && std::ranges::all_of(info.outputs, good_port) &&
         std::ranges::all_of(info.metadata, good_entry) && std::ranges::all_of(info.opsets, good_opset);
}

}  // namespace

Status check_text(const OnnxModel& model) {
  const bool nodes = std::ranges::all_of(model.nodes, [](const OnnxNode& node) { return is_text(node); });
  const bool initializers = std::ranges::all_of(model.initializers, [](const auto& entry) { return is_text(entry.first); });
  if (nodes && initializers && is_text(model.info)) return {};
  return input_error("is not an ONNX model: it has names that are not UTF-8 text; the file is damaged");
}

}  // namespace ht
