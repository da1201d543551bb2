// SPDX-License-Identifier: Apache-2.0
#include "import/onnx/model.h"

#include <google/protobuf/arena.h>
#include <onnx.pb.h>

#include <set>
#include <unordered_map>
#include <unordered_set>

#include "import/onnx/inline.h"
#include "import/onnx/tensor_data.h"
#include "import/onnx/text.h"
#include "import/onnx/wire.h"

namespace ht {
namespace {

std::vector<OnnxDimension> decode_shape(const onnx::TensorShapeProto& proto) {
  std::vector<OnnxDimension> dimensions;
  for (const auto& dim : proto.dim()) {
    OnnxDimension dimension;
    // Some exporters write -1 or 0 for an open dimension.
    if (dim.has_dim_value() && dim.dim_value() > 0) dimension.size = dim.dim_value();
    if (dim.has_dim_param()) dimension.parameter = dim.dim_param();
    dimensions.push_back(std::move(dimension));
  }
  return dimensions;
}

OnnxPort decode_port(const onnx::ValueInfoProto& proto) {
  OnnxPort port{proto.name(), std::nullopt, std::nullopt};
  if (!proto.type().has_tensor_type()) return port;
  const auto& type = proto.type().tensor_type();
  port.dtype = element_type(type.elem_type());
  if (type.has_shape()) port.dimensions = decode_shape(type.shape());
  return port;
}

OnnxNode decode_node(const onnx::NodeProto& proto, TensorReader& tensors);
void name_nodes(std::vector<OnnxNode>& nodes);

// Nesting is bounded by the check of the wire format.
OnnxSubgraph decode_subgraph(const onnx::GraphProto& proto, TensorReader& tensors) {
  OnnxSubgraph graph;
  for (const auto& initializer : proto.initializer()) graph.initializers.emplace(initializer.name(), tensors.read(initializer));
  for (const auto& input : proto.input()) graph.inputs.push_back(input.name());
  for (const auto& output : proto.output()) graph.outputs.push_back(output.name());
  for (const auto& node : proto.node()) graph.nodes.push_back(decode_node(node, tensors));
  name_nodes(graph.nodes);
  return graph;
}

OnnxAttribute decode_attribute(const onnx::AttributeProto& proto, TensorReader& tensors) {
  using Proto = onnx::AttributeProto;
  OnnxAttribute attribute{proto.name(), unsupported("its type is not one that Halftone reads"), proto.ref_attr_name()};
  if (!attribute.refers_to.empty()) {
    attribute.value = input_error("it refers to an attribute of a function, but the node is not in one");
    return attribute;
  }
  switch (proto.type()) {
    case Proto::INT:
      attribute.value = static_cast<int64_t>(proto.i());
      break;
    case Proto::FLOAT:
      attribute.value = proto.f();
      break;
    case Proto::STRING:
      attribute.value = proto.s();
      break;
    case Proto::INTS:
      attribute.value = Ints(proto.ints().begin(), proto.ints().end());
      break;
    case Proto::FLOATS:
      attribute.value = Floats(proto.floats().begin(), proto.floats().end());
      break;
    case Proto::TENSOR:
      if (auto tensor = tensors.read(proto.t()))
        attribute.value = *std::move(tensor);
      else
        attribute.value = std::move(tensor.error());
      break;
    case Proto::GRAPH:
      attribute.value = std::make_shared<const OnnxSubgraph>(decode_subgraph(proto.g(), tensors));
      break;
    default:
      break;
  }
  return attribute;
}

OnnxNode decode_node(const onnx::NodeProto& proto, TensorReader& tensors) {
  OnnxNode node{proto.name(), proto.op_type(), proto.domain() == "ai.onnx" ? "" : proto.domain(), {}, {}, {}};
  node.inputs.assign(proto.input().begin(), proto.input().end());
  node.outputs.assign(proto.output().begin(), proto.output().end());
  for (const auto& attribute : proto.attribute()) node.attributes.push_back(decode_attribute(attribute, tensors));
  return node;
}

// A node without a name is called after its operator and its first output; of nodes that share a name the later get numbers.
void name_nodes(std::vector<OnnxNode>& nodes) {
  std::unordered_map<std::string, int> taken;
  for (OnnxNode& node : nodes)
    if (!node.name.empty()) taken.emplace(node.name, 0);
  std::unordered_set<std::string> used;
  for (OnnxNode& node : nodes) {
    std::string wish = node.name;
    if (wish.empty()) wish = node.outputs.empty() ? node.op_type : node.op_type + "_" + node.outputs.front();
    node.name = wish;
    int& number = taken[wish];
    while (!used.insert(node.name).second) node.name = fmt::format("{}_{}", wish, ++number);
  }
}

Status decode_initializers(onnx::GraphProto& graph, TensorReader& tensors, OnnxModel& model) {
  if (graph.sparse_initializer_size() > 0) return unsupported("the model has sparse initializers; store them dense");
  for (auto& proto : *graph.mutable_initializer()) {
    if (proto.name().empty() || !is_utf8(proto.name()))
      return input_error("an initializer has no name, or one that is not UTF-8 text");
    auto tensor = tensors.read(proto);
    if (!tensor) tensor = std::move(tensor.error()).in("initializer " + proto.name());
    std::string().swap(
        *proto.mutable_raw_data());  // so that large weights are not in memory twice, as cleared ones still would be
    if (!model.initializers.emplace(proto.name(), std::move(tensor)).second)
      return input_error("two initializers have the name '{}'", proto.name());
  }
  return {};
}

Status decode_graph(onnx::GraphProto& graph, TensorReader& tensors, OnnxModel& model) {
  model.info.graph_name = graph.name();
  HT_TRY(decode_initializers(graph, tensors, model));
  for (const auto& input : graph.input())
    if (!model.initializers.contains(input.name())) model.info.inputs.push_back(decode_port(input));
  for (const auto& output : graph.output()) model.info.outputs.push_back(decode_port(output));
  for (const auto& node : graph.node()) model.nodes.push_back(decode_node(node, tensors));
  name_nodes(model.nodes);
  return {};
}

OnnxFunction decode_function(const onnx::FunctionProto& proto, TensorReader& tensors) {
  OnnxFunction function{proto.name(), proto.domain() == "ai.onnx" ? "" : proto.domain(), 0, {}, {}, {}};
  for (const auto& opset : proto.opset_import())
    if (opset.domain().empty() || opset.domain() == "ai.onnx") function.opset = opset.version();
  function.inputs.assign(proto.input().begin(), proto.input().end());
  function.outputs.assign(proto.output().begin(), proto.output().end());
  for (const auto& node : proto.node()) function.nodes.push_back(decode_node(node, tensors));
  name_nodes(function.nodes);
  return function;
}

void decode_header(const onnx::ModelProto& proto, OnnxModelInfo& info) {
  info.ir_version = proto.ir_version();
  info.producer = proto.producer_name();
  info.producer_version = proto.producer_version();
  for (const auto& opset : proto.opset_import()) {
    int64_t& version = info.opsets[opset.domain() == "ai.onnx" ? "" : opset.domain()];
    version = std::max<int64_t>(version, opset.version());
  }
  for (const auto& entry : proto.metadata_props()) info.metadata.emplace(entry.key(), entry.value());
}

}  // namespace

Result<OnnxModel> decode_onnx_model(std::span<const uint8_t> bytes, const std::filesystem::path& folder, int64_t max_bytes) {
  constexpr size_t kMostBytes = INT32_MAX;  // protobuf's own bound
  if (bytes.size() > kMostBytes)
    return unsupported("the file is larger than the 2 GiB that ONNX files may have; store the weights as external data");
  HT_TRY(check_onnx_wire(bytes));
  google::protobuf::Arena arena;  // whose thousands of small parts go at once
  auto& proto = *google::protobuf::Arena::CreateMessage<onnx::ModelProto>(&arena);
  if (bytes.empty() || !proto.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return input_error("is not an ONNX model: the data are no protobuf message or are cut short");
  if (!proto.has_graph()) return input_error("is not an ONNX model: it has no graph");
  if (proto.opset_import_size() == 0)
    return input_error("is not an ONNX model: it does not say its opset; the file may be cut short");
  OnnxModel model;
  decode_header(proto, model.info);
  TensorReader tensors(folder, max_bytes);
  HT_TRY(decode_graph(*proto.mutable_graph(), tensors, model));
  for (const auto& function : proto.functions()) model.functions.push_back(decode_function(function, tensors));
  HT_TRY(inline_functions(model));
  HT_TRY(check_text(model));
  return model;
}

namespace {

class NodeSorter {
 public:
  explicit NodeSorter(OnnxModel& model) : model_(model) {}

  Status run() {
    HT_TRY(find_producers());
    HT_TRY(mark_needed());
    return order();
  }

 private:
  Status find_producers() {
    for (const OnnxPort& input : model_.info.inputs)
      if (!made_.insert(input.name).second) return input_error("two inputs have the name '{}'", input.name);
    for (const auto& initializer : model_.initializers) made_.insert(initializer.first);
    for (size_t i = 0; i < model_.nodes.size(); ++i)
      for (const std::string& output : model_.nodes[i].outputs) {
        if (output.empty()) continue;
        if (!made_.insert(output).second)
          return input_error("makes the value '{}', which already exists; values must be made once", output)
              .in("node " + model_.nodes[i].name);
        producers_.emplace(output, i);
      }
    return {};
  }

  Status mark_needed() {
    needed_.assign(model_.nodes.size(), false);
    std::vector<size_t> pending;
    auto need = [&](const std::string& name) {
      const auto producer = producers_.find(name);
      if (producer == producers_.end() || needed_[producer->second]) return;
      needed_[producer->second] = true;
      pending.push_back(producer->second);
    };
    for (const OnnxPort& output : model_.info.outputs) {
      if (!made_.contains(output.name)) return input_error("the output '{}' is made by no node", output.name);
      need(output.name);
    }
    while (!pending.empty()) {
      const OnnxNode& node = model_.nodes[pending.back()];
      pending.pop_back();
      for (const std::string& input : names_read(node)) {
        if (!input.empty() && !made_.contains(input))
          return input_error("reads '{}', which nothing makes", input).in("node " + node.name);
        need(input);
      }
    }
    return {};
  }

  // The distinct needed nodes that the node reads from.
  std::set<size_t> sources(const OnnxNode& node) const {
    std::set<size_t> found;
    for (const std::string& input : names_read(node))
      if (const auto producer = producers_.find(input); producer != producers_.end()) found.insert(producer->second);
    return found;
  }

  Status order() {
    std::vector<size_t> missing(model_.nodes.size(), 0);
    std::vector<std::vector<size_t>> readers(model_.nodes.size());
    std::set<size_t> ready;
    size_t count = 0;
    for (size_t i = 0; i < model_.nodes.size(); ++i) {
      if (!needed_[i]) continue;
      ++count;
      const auto from = sources(model_.nodes[i]);
      missing[i] = from.size();
      for (size_t source : from) readers[source].push_back(i);
      if (from.empty()) ready.insert(i);
    }
    std::vector<OnnxNode> sorted;
    sorted.reserve(count);
    while (!ready.empty()) {
      const size_t i = *ready.begin();
      ready.erase(ready.begin());
      for (size_t reader : readers[i])
        if (--missing[reader] == 0) ready.insert(reader);
      sorted.push_back(std::move(model_.nodes[i]));
    }
    for (size_t i = 0; i < missing.size(); ++i)
      if (missing[i] > 0)
        return input_error("takes part in a cycle or follows one: it needs its own output").in("node " + model_.nodes[i].name);
    model_.nodes = std::move(sorted);
    return {};
  }

  OnnxModel& model_;
  std::unordered_set<std::string> made_;
  std::unordered_map<std::string, size_t> producers_;
  std::vector<bool> needed_;
};

}  // namespace

Status sort_needed_nodes(OnnxModel& model) { return NodeSorter(model).run(); }

}  // namespace ht
