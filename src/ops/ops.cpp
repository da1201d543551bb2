// SPDX-License-Identifier: Apache-2.0
#include "ops/ops.h"

#include <algorithm>

#include "ops/arg_extreme/arg_extreme.h"
#include "ops/batch_norm/batch_norm.h"
#include "ops/binary/binary.h"
#include "ops/cast/cast.h"
#include "ops/concat/concat.h"
#include "ops/conv/conv.h"
#include "ops/convert/convert.h"
#include "ops/cumulative/cumulative.h"
#include "ops/expand/expand.h"
#include "ops/gather/gather.h"
#include "ops/gather_elements/gather_elements.h"
#include "ops/gather_nd/gather_nd.h"
#include "ops/gemm/gemm.h"
#include "ops/grid_sample/grid_sample.h"
#include "ops/matmul/matmul.h"
#include "ops/normalize/normalize.h"
#include "ops/op_list.h"
#include "ops/pad/pad.h"
#include "ops/pool/pool.h"
#include "ops/reduce/reduce.h"
#include "ops/reshape/reshape.h"
#include "ops/resize/resize.h"
#include "ops/roi_align/roi_align.h"
#include "ops/scatter_elements/scatter_elements.h"
#include "ops/scatter_nd/scatter_nd.h"
#include "ops/slice/slice.h"
#include "ops/softmax/softmax.h"
#include "ops/top_k/top_k.h"
#include "ops/transpose/transpose.h"
#include "ops/unary/unary.h"
#include "ops/where/where.h"

namespace ht {
namespace {

// The slow computations hold an input or output in doubles; this keeps one of them below a gigabyte.
constexpr int64_t kMostReferenceElements = int64_t{1} << 26;

constexpr OpFacets kFacets[] = {
#define HT_FACETS(Struct, folder, in_float, in_integers) {Struct::kName, in_float, in_integers},
    HT_OPS(HT_FACETS)
#undef HT_FACETS
};
static_assert(std::size(kFacets) == std::variant_size_v<Op>);

std::string place_of(const Node& node) {
  return node.name.empty() ? std::string(op_name(node.op)) : fmt::format("node {} ({})", node.name, op_name(node.op));
}

TensorType real_type(const TensorType& type) {
  return type.is_quantized() ? TensorType{DType::kFloat32, type.shape, std::nullopt} : type;
}

}  // namespace

Result<Types> infer(const Node& node, InferInputs inputs) {
  auto types = std::visit([&](const auto& op) { return infer(op, inputs); }, node.op);
  if (!types) return std::move(types.error()).in(place_of(node));
  return types;
}

Result<Types> infer(const Graph& graph, const Node& node) {
  std::vector<TensorType> types(node.inputs.size());
  std::vector<InferInput> inputs(node.inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!node.inputs[i].valid()) continue;
    const Value& value = graph.value(node.inputs[i]);
    types[i] = real_type(value.type);
    inputs[i] = {&types[i], value.constant ? &*value.constant : nullptr};
  }
  return infer(node, inputs);
}

Result<std::vector<Tensor>> reference(const Node& node, InputTensors inputs) {
  std::vector<TensorType> types(inputs.size());
  std::vector<InferInput> infer_inputs(inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!inputs[i]) continue;
    types[i] = {inputs[i]->dtype(), inputs[i]->shape(), std::nullopt};
    infer_inputs[i] = {&types[i], inputs[i]};
  }
  HT_ASSIGN(const Types output_types, infer(node, infer_inputs));
  for (const TensorType& type : output_types)
    if (element_count(type.shape) > kMostReferenceElements)
      return unsupported("the output's shape {} is too large to be computed", shape_text(type.shape)).in(place_of(node));
  std::vector<Tensor> outputs;
  for (const TensorType& type : output_types) outputs.push_back(Tensor::zeros(type.dtype, type.shape));
  if (std::ranges::all_of(outputs, [](const Tensor& output) { return output.size() == 0; })) return outputs;
  auto status = std::visit([&](const auto& op) { return reference(op, inputs, outputs); }, node.op);
  if (!status) return std::move(status.error()).in(place_of(node));
  return outputs;
}

QuantRule quant_rule(const Node& node) {
  return std::visit([](const auto& op) { return quant_rule(op); }, node.op);
}

std::span<const OpFacets> op_facets() { return kFacets; }
const OpFacets& facets_of(const Op& op) { return kFacets[op.index()]; }

}  // namespace ht
