// SPDX-License-Identifier: Apache-2.0
#include "export/onnx/export.h"

#include <algorithm>

#include "export/onnx/writer.h"
#include "ir/conversions.h"

namespace ht {
namespace {

struct Version {
  int64_t opset, ir;
};
constexpr Version kCommon = {13, 7}, kNewer = {21, 10};

bool is_newer(const TensorType& type) {
  const bool width =
      type.dtype == DType::kInt4 || type.dtype == DType::kUint4 || type.dtype == DType::kInt16 || type.dtype == DType::kUint16;
  if (width || !type.affine) return width;
  const auto parameters = file_parameters(*type.affine, type.shape);
  return parameters && parameters->block != 0;
}

bool is_newer(const Op& op) {
  if (const auto* resize = std::get_if<Resize>(&op))
    return resize->antialias || resize->coordinates == Coordinates::kHalfPixelSymmetric;
  if (const auto* pad = std::get_if<Pad>(&op)) return pad->mode == PadMode::kWrap;
  if (const auto* scatter = std::get_if<ScatterElements>(&op)) return scatter->reduction != ScatterReduction::kNone;
  if (const auto* scatter = std::get_if<ScatterND>(&op)) return scatter->reduction != ScatterReduction::kNone;
  if (std::holds_alternative<GridSample>(op)) return true;
  if (const auto* align = std::get_if<RoiAlign>(&op)) return align->half_pixel;
  if (const auto* pool = std::get_if<Pool>(&op))
    return pool->kind == PoolKind::kAverage &&
           std::ranges::any_of(pool->dilations, [](int64_t dilation) { return dilation != 1; });
  return false;
}

Version version_for(const Graph& graph) {
  const bool newer = std::ranges::any_of(graph.values, [](const Value& value) { return is_newer(value.type); }) ||
                     std::ranges::any_of(graph.nodes, [](const Node& node) { return is_newer(node.op); });
  return newer ? kNewer : kCommon;
}

}  // namespace

Result<std::vector<uint8_t>> export_onnx(const Graph& graph) {
  Graph folded = graph;
  fold_conversions(folded);
  const Version version = version_for(folded);
  OnnxWriter writer(folded, version.opset);
  writer.inputs_and_outputs();
  for (const Node& node : folded.nodes)
    if (auto status = write_node(writer, node); !status) return std::move(status.error()).in("node " + node.name);
  for (ValueId output : folded.outputs) writer.write_constant(output);
  return writer.bytes(version.ir);
}

}  // namespace ht
