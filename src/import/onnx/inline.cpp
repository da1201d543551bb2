// SPDX-License-Identifier: Apache-2.0
#include "import/onnx/inline.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "ir/graph.h"

namespace ht {
namespace {

constexpr int kMostCalls = 32;                    // of functions within functions
constexpr int64_t kMostBytes = int64_t{1} << 28;  // about, of all that calls copy

using Rename = std::function<std::string(const std::string&)>;
using SubgraphPointer = std::shared_ptr<const OnnxSubgraph>;

const OnnxSubgraph* subgraph_of(const OnnxAttribute& attribute) {
  const auto* subgraph = std::get_if<SubgraphPointer>(&attribute.value);
  return subgraph ? subgraph->get() : nullptr;
}

// What the nodes read and do not make themselves. Subgraphs are nested no deeper than the wire format's check allows.
void read_outside(const OnnxSubgraph& graph, std::vector<std::string>& names) {
  std::unordered_set<std::string> made(graph.inputs.begin(), graph.inputs.end());
  for (const auto& initializer : graph.initializers) made.insert(initializer.first);
  for (const OnnxNode& node : graph.nodes) made.insert(node.outputs.begin(), node.outputs.end());
  std::vector<std::string> read = graph.outputs;
  for (const OnnxNode& node : graph.nodes) {
    const auto more = names_read(node);
    read.insert(read.end(), more.begin(), more.end());
  }
  std::ranges::copy_if(read, std::back_inserter(names), [&](const std::string& name) { return !made.contains(name); });
}

int64_t bytes_of(const std::vector<std::string>& names) {
  int64_t bytes = 0;
  for (const std::string& name : names) bytes += static_cast<int64_t>(sizeof(name) + name.size());
  return bytes;
}

int64_t bytes_of(const OnnxNode& node);

int64_t bytes_of(const OnnxSubgraph& graph) {
  int64_t bytes = static_cast<int64_t>(sizeof(graph) + graph.initializers.size() * sizeof(Tensor)) + bytes_of(graph.inputs) + bytes_of(graph.outputs);
  for (const auto& initializer : graph.initializers) bytes += static_cast<int64_t>(initializer.first.size());
  for (const OnnxNode& node : graph.nodes) bytes += bytes_of(node);
  return bytes;
}

// What a copy of the node takes, about; tensors are shared.
int64_t bytes_of(const OnnxNode& node) {
  int64_t bytes = static_cast<int64_t>(sizeof(node) + node.name.size()) + bytes_of(node.inputs) + bytes_of(node.outputs);
  for (const OnnxAttribute& attribute : node.attributes) {
    bytes += static_cast<int64_t>(sizeof(attribute) + attribute.name.size());
    if (const auto* integers = std::get_if<Ints>(&attribute.value)) bytes += static_cast<int64_t>(integers->size() * sizeof(int64_t));
    if (const auto* numbers = std::get_if<Floats>(&attribute.value)) bytes += static_cast<int64_t>(numbers->size() * sizeof(float));
    if (const auto* text = std::get_if<std::string>(&attribute.value)) bytes += static_cast<int64_t>(text->size());
    if (const OnnxSubgraph* graph = subgraph_of(attribute)) bytes += bytes_of(*graph);
  }
  return bytes;
}

OnnxSubgraph renamed(const OnnxSubgraph& graph, const Rename& rename) {
  OnnxSubgraph copy;
  for (const OnnxNode& node : graph.nodes) copy.nodes.push_back(ht::renamed(node, rename));
  for (const auto& [name, tensor] : graph.initializers) copy.initializers.emplace(rename(name), tensor);
  for (const std::string& name : graph.inputs) copy.inputs.push_back(rename(name));
  for (const std::string& name : graph.outputs) copy.outputs.push_back(rename(name));
  return copy;
}

class FunctionInliner {
 public:
  explicit FunctionInliner(OnnxModel& model) : model_(model) {
    for (const OnnxFunction& function : model.functions) functions_.emplace(key(function.domain, function.name), &function);
    for (const OnnxNode& node : model.nodes) names_.reserve(node.name);
  }

  Status run() {
    if (functions_.empty()) return {};
    std::vector<OnnxNode> nodes = std::move(model_.nodes);
    model_.nodes.clear();
    for (OnnxNode& node : nodes) HT_TRY(put(std::move(node), 0));
    return {};
  }

 private:
  static std::string key(const std::string& domain, const std::string& name) { return domain + "/" + name; }

  Status put(OnnxNode node, int depth) {
    const auto found = functions_.find(key(node.domain, node.op_type));
    if (found != functions_.end()) return call(node, *found->second, depth);
    model_.nodes.push_back(std::move(node));
    return {};
  }

  Status call(const OnnxNode& caller, const OnnxFunction& function, int depth) {
    const auto place = [&] { return fmt::format("node '{}' (the function {})", caller.name, function.name); };
    if (depth >= kMostCalls) return input_error("functions call each other without end").in(place());
    if (!can_afford(caller, function)) return input_error("functions call each other so often that the model would become too large").in(place());
    const auto opset = model_.info.opsets.find("");
    if (function.opset != 0 && opset != model_.info.opsets.end() && function.opset != opset->second)
      return unsupported("is written for opset {}, the model for {}; convert the model with onnx's version_converter",
                         function.opset, opset->second)
          .in(place());
    if (caller.inputs.size() > function.inputs.size() || caller.outputs.size() > function.outputs.size())
      return input_error("has more inputs or outputs than the function").in(place());
    std::unordered_map<std::string, std::string> names;
    for (size_t i = 0; i < function.inputs.size(); ++i)
      names.emplace(function.inputs[i], i < caller.inputs.size() ? caller.inputs[i] : std::string());
    for (size_t i = 0; i < caller.outputs.size(); ++i) {
      if (caller.outputs[i].empty()) continue;
      const auto [known, is_new] = names.emplace(function.outputs[i], caller.outputs[i]);
      // The function hands an input on, or the same output twice.
      if (is_new) continue;
      const std::string name = names_.make(caller.name + "/" + function.outputs[i]);
      HT_TRY(put({name, "Identity", "", {known->second}, {caller.outputs[i]}, {}}, depth + 1));
    }
    const Rename rename = [&](const std::string& name) {
      return names.try_emplace(name, caller.name + "/" + name).first->second;
    };
    for (const OnnxNode& node : function.nodes) {
      OnnxNode copy = renamed(node, rename);
      copy.name = names_.make(caller.name + "/" + node.name);
      fill_attributes(copy, caller);
      HT_TRY(put(std::move(copy), depth + 1));
    }
    return {};
  }

  // Takes what the call will copy from what is left. Every name gets the caller's in front.
  bool can_afford(const OnnxNode& caller, const OnnxFunction& function) {
    int64_t bytes = bytes_of(caller) + bytes_of(function.inputs) + bytes_of(function.outputs);
    for (const OnnxNode& node : function.nodes) bytes += bytes_of(node);
    const auto longer = static_cast<int64_t>(1 + caller.name.size() / sizeof(std::string));
    if (bytes > bytes_left_ / longer) return false;
    bytes_left_ -= bytes * longer;
    return true;
  }

  // Attributes that refer to the caller's get its values; those that the caller does not have are left out.
  static void fill_attributes(OnnxNode& node, const OnnxNode& caller) {
    std::erase_if(node.attributes, [&](OnnxAttribute& attribute) {
      if (attribute.refers_to.empty()) return false;
      const auto given = std::ranges::find(caller.attributes, attribute.refers_to, &OnnxAttribute::name);
      if (given == caller.attributes.end()) return true;
      attribute.value = given->value;
      attribute.refers_to = given->refers_to;
      return false;
    });
  }

  OnnxModel& model_;
  std::unordered_map<std::string, const OnnxFunction*> functions_;
  FreshNames names_;
  int64_t bytes_left_ = kMostBytes;
};

}  // namespace

Status inline_functions(OnnxModel& model) { return FunctionInliner(model).run(); }

std::vector<std::string> names_read(const OnnxNode& node) {
  std::vector<std::string> names = node.inputs;
  for (const OnnxAttribute& attribute : node.attributes)
    if (const OnnxSubgraph* graph = subgraph_of(attribute)) read_outside(*graph, names);
  return names;
}

OnnxNode renamed(const OnnxNode& node, const Rename& rename) {
  const auto rename_present = [&](const std::string& name) { return name.empty() ? name : rename(name); };
  OnnxNode copy = node;
  for (std::string& name : copy.inputs) name = rename_present(name);
  for (std::string& name : copy.outputs) name = rename_present(name);
  for (OnnxAttribute& attribute : copy.attributes)
    if (const OnnxSubgraph* graph = subgraph_of(attribute))
      attribute.value = std::make_shared<const OnnxSubgraph>(renamed(*graph, rename));
  return copy;
}

}  // namespace ht
