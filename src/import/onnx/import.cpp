// SPDX-License-Identifier: Apache-2.0
#include "import/onnx/import.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "base/file.h"
#include "import/onnx/closing_suppression.h"
#include "import/onnx/info.h"
#include "import/onnx/inline.h"
#include "import/onnx/model.h"
#include "import/onnx/quantization.h"
#include "import/onnx/suppression.h"
#include "ir/conversions.h"
#include "ops/ops.h"

namespace ht {
namespace {

std::string place_of(const OnnxNode& node) { return fmt::format("node '{}' ({})", node.name, node.op_type); }

// An operation that the node became has its name, and need not say it again.
Error in_node(Error error, const OnnxNode& node) {
  if (error.place.starts_with(fmt::format("node {} (", node.name))) {
    const size_t end = error.place.find("): ");
    error.place = end == std::string::npos ? "" : error.place.substr(end + 3);
  }
  return std::move(error).in(place_of(node));
}

Result<Shape> input_shape(const OnnxPort& port, const Shape* given) {
  if (!port.dimensions) {
    if (given) return *given;
    return input_error("input '{}' has no shape; say it in the recipe, [model] input_shape = [1, 3, height, width], or with --input-shape", port.name);
  }
  const auto& dimensions = *port.dimensions;
  if (given && given->size() != dimensions.size())
    return input_error("input '{}' has {} dimensions, but the given input_shape has {}", port.name, dimensions.size(),
                       given->size());
  Shape shape;
  for (size_t i = 0; i < dimensions.size(); ++i) {
    const auto& [size, parameter] = dimensions[i];
    if (given && size && *size != (*given)[i])
      return input_error("input '{}' has the fixed size {} in dimension {}, but the given input_shape says {}", port.name, *size,
                         i, (*given)[i]);
    if (given) {
      shape.push_back((*given)[i]);
    } else if (size) {
      shape.push_back(*size);
    } else if (i == 0) {
      shape.push_back(1);  // the batch
    } else {
      const std::string called = parameter.empty() ? "" : " ('" + parameter + "')";
      return input_error(
          "input '{}' leaves dimension {}{} open; say it in the recipe, [model] input_shape = [1, 3, height, width], or with --input-shape", port.name,
          i, called);
    }
  }
  return shape;
}

class Importer {
 public:
  Importer(OnnxModel model, const OnnxImportOptions& options)
      : model_(std::move(model)), options_(options), builder_(graph_, options.max_bytes) {}

  Result<Graph> run() {
    HT_ASSIGN(opset_, supported_opset(model_.info));
    HT_TRY(sort_needed_nodes(model_));
    HT_TRY(refuse_unsupported(model_));
    closing_ = find_closing_suppression(model_);
    graph_.name = model_.info.graph_name;
    graph_.metadata = model_.info.metadata;
    reserve_names();
    HT_TRY(add_inputs());
    HT_TRY(add_initializers());
    HT_TRY(add_nodes());
    HT_TRY(add_outputs());
    fold_conversions(graph_);
    order_values();
    HT_TRY(verify(graph_));
    return std::move(graph_);
  }

 private:
  void reserve_names() {
    for (const OnnxPort& input : model_.info.inputs) builder_.reserve(input.name);
    for (const OnnxPort& output : model_.info.outputs) {
      builder_.mark_output(output.name);
      builder_.mark_read(output.name);
    }
    for (const auto& [name, tensor] : model_.initializers) builder_.reserve(name);
    for (const OnnxNode& node : model_.nodes) {
      builder_.reserve(node.name);
      for (const std::string& output : node.outputs) builder_.reserve(output);
      for (const std::string& input : names_read(node)) builder_.mark_read(input);
    }
  }

  const Shape* given_shape(const std::string& name) const {
    if (const auto found = options_.input_shapes.find(name); found != options_.input_shapes.end()) return &found->second;
    return options_.input_shape ? &*options_.input_shape : nullptr;
  }

  Status add_inputs() {
    const auto& inputs = model_.info.inputs;
    if (options_.input_shape && inputs.size() != 1)
      return usage_error("one input_shape is given, but the model has {} inputs; give the shape by the input's name",
                         inputs.size());
    for (const auto& [name, shape] : options_.input_shapes)
      if (std::ranges::find(inputs, name, &OnnxPort::name) == inputs.end())
        return usage_error("a shape is given for '{}', but the model has no such input", name);
    for (const OnnxPort& input : inputs) {
      if (!input.dtype)
        return unsupported("input '{}' is no tensor or has an element type that Halftone does not know", input.name);
      HT_ASSIGN(Shape shape, input_shape(input, given_shape(input.name)));
      if (shape.size() > 8) return unsupported("input '{}' has {} axes; at most 8 are supported", input.name, shape.size());
      if (auto count = checked_element_count(shape); !count) return std::move(count.error()).in("input " + input.name);
      const ValueId id = graph_.add_value({input.name, {*input.dtype, std::move(shape), std::nullopt}, std::nullopt});
      graph_.inputs.push_back(id);
      builder_.bind(input.name, {id});
    }
    return {};
  }

  Status add_initializers() {
    std::unordered_set<std::string> wanted;
    for (const OnnxNode& node : model_.nodes)
      for (std::string& name : names_read(node)) wanted.insert(std::move(name));
    for (const OnnxPort& output : model_.info.outputs) wanted.insert(output.name);
    for (auto& [name, tensor] : model_.initializers) {
      if (!wanted.contains(name)) continue;
      if (!tensor) return std::move(tensor.error());
      builder_.bind(name, {builder_.add_constant(name, *std::move(tensor))});
    }
    return {};
  }

  // All of them, or those before a NonMaxSuppression at the end.
  Status add_nodes() {
    std::unordered_set<std::string> left_out;
    for (const OnnxNode& node : model_.nodes) {
      if (closing_ && node.name == closing_->node && may_end_before(*closing_)) {
        left_out = closing_->behind;
        end_before(*closing_, model_.info);
        graph_.metadata = model_.info.metadata;
      }
      const bool is_behind = std::ranges::any_of(node.outputs, [&](const std::string& name) { return left_out.contains(name); });
      if (!is_behind) HT_TRY(add_named_node(node));
    }
    return {};
  }

  // Whether the boxes and scores hold what a detector's head needs: several classes, or one and nothing beside it.
  bool may_end_before(const ClosingSuppression& closing) const {
    const Operand* boxes = builder_.find(closing.boxes);
    const Operand* scores = builder_.find(closing.scores);
    if (!boxes || !scores || boxes->integers || scores->integers) return false;
    const auto is_computed = [&](const Operand& operand) {
      return !graph_.is_constant(operand.value) && std::ranges::find(graph_.inputs, operand.value) == graph_.inputs.end();
    };
    const Shape& of_boxes = graph_.value(boxes->value).type.shape;
    const Shape& of_scores = graph_.value(scores->value).type.shape;
    if (!is_computed(*boxes) || !is_computed(*scores) || of_boxes.size() != 3 || of_scores.size() != 3) return false;
    const bool fits = of_boxes[2] == 4 && of_boxes[0] == of_scores[0] && of_boxes[1] == of_scores[2];
    return fits && (of_scores[1] > 1 || !closing.picks_others);
  }

  Status add_named_node(const OnnxNode& node) {
    if (options_.cancelled && options_.cancelled->load(std::memory_order_relaxed)) return interrupted();
    if (auto status = add_node(node); !status) return in_node(std::move(status.error()), node);
    return {};
  }

  // A branch that is known to be taken, in place of its If.
  Status add_branch(const OnnxNode& node, const OnnxSubgraph& branch) {
    if (!branch.inputs.empty() || branch.outputs.size() != node.outputs.size())
      return input_error("has a branch with {} inputs and {} outputs for its {} outputs", branch.inputs.size(),
                         branch.outputs.size(), node.outputs.size());
    std::unordered_map<std::string, std::string> own;  // names that the branch makes
    const auto add_own = [&](const std::string& name) {
      if (!name.empty()) own.emplace(name, builder_.fresh_name(node.name + "/" + name));
    };
    for (const auto& initializer : branch.initializers) add_own(initializer.first);
    for (const OnnxNode& inner : branch.nodes) std::ranges::for_each(inner.outputs, add_own);
    const auto rename = [&](const std::string& name) {
      const auto found = own.find(name);
      return found == own.end() ? name : found->second;
    };
    for (const std::string& output : branch.outputs) builder_.mark_read(rename(output));
    for (const OnnxNode& inner : branch.nodes)
      for (const std::string& input : names_read(inner)) builder_.mark_read(rename(input));
    for (const auto& [name, tensor] : branch.initializers) {
      if (!tensor) return tensor.error();
      builder_.bind(rename(name), {builder_.add_constant(rename(name), *tensor)});
    }
    for (const OnnxNode& inner : branch.nodes) {
      OnnxNode copy = renamed(inner, rename);
      copy.name = builder_.fresh_name(node.name + "/" + inner.name);
      HT_TRY(add_named_node(copy));
    }
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      const Operand* operand = builder_.find(rename(branch.outputs[i]));
      if (!operand) return input_error("has a branch whose output '{}' is made by nobody", branch.outputs[i]);
      if (!node.outputs[i].empty()) builder_.bind(node.outputs[i], *operand);
    }
    return {};
  }

  // The branch that an If takes, where its condition is known; null otherwise and for other operators.
  const OnnxSubgraph* known_branch(const OnnxNode& node) const {
    if (node.op_type != "If" || node.inputs.size() != 1) return nullptr;
    const Operand* condition = builder_.find(node.inputs[0]);
    if (!condition || !graph_.is_constant(condition->value)) return nullptr;
    const auto flags = graph_.value(condition->value).constant->to_int64s();
    if (flags.size() != 1) return nullptr;
    const std::string taken = flags[0] != 0 ? "then_branch" : "else_branch";
    const auto named = std::ranges::find(node.attributes, taken, &OnnxAttribute::name);
    if (named == node.attributes.end()) return nullptr;
    const auto* branch = std::get_if<std::shared_ptr<const OnnxSubgraph>>(&named->value);
    return branch ? branch->get() : nullptr;
  }

  Status add_node(const OnnxNode& node) {
    if (const OnnxSubgraph* branch = known_branch(node)) return add_branch(node, *branch);
    const OnnxRow* known = find_onnx_row(node.domain, node.op_type, opset_);
    if (!known) return unsupported("the operator is not supported; export the model without it, or cut it before it");
    const OnnxRow& row = *known;
    std::vector<Operand> operands;
    for (const std::string& input : node.inputs) {
      const Operand* operand = input.empty() ? nullptr : builder_.find(input);
      if (!operand && !input.empty()) return input_error("reads '{}', which has no value", input);
      operands.push_back(operand ? *operand : Operand{});
    }
    ImportNode import(node, opset_, std::move(operands), builder_);
    if (import.input_count() < row.min_inputs || import.input_count() > row.max_inputs)
      return input_error("has {} inputs; {} of opset {} has {}", import.input_count(), node.op_type, opset_,
                         row.max_inputs == SIZE_MAX         ? fmt::format("{} or more", row.min_inputs)
                         : row.max_inputs == row.min_inputs ? fmt::format("{}", row.min_inputs)
                                                            : fmt::format("{} to {}", row.min_inputs, row.max_inputs));
    for (size_t i = 0; i < row.min_inputs; ++i)
      if (!import.has_input(i)) return input_error("its input {} is missing", i);
    bool on_integers = false;
    for (size_t i = 0; i < import.input_count(); ++i) on_integers |= import.operand(i).integers;
    return import.finish(on_integers ? import_on_integers(import, row) : row.convert(import));
  }

  Status add_outputs() {
    for (const OnnxPort& output : model_.info.outputs) {
      const Operand* operand = builder_.find(output.name);
      if (!operand) return unsupported("the output '{}' is one that its operator makes only in training", output.name);
      auto id = output_value(output.name, *operand);
      if (!id) return std::move(id.error()).in("output " + output.name);
      graph_.outputs.push_back(*id);
    }
    return {};
  }

  // The value under the output's own name: renamed where it is free to be, else through a node that changes nothing.
  Result<ValueId> output_value(const std::string& name, const Operand& operand) {
    const Value& value = graph_.value(operand.value);
    const auto node_name = [&] { return producer_name(name); };
    if (value.type.is_quantized() && !operand.integers)
      return builder_.add_node(node_name(), Convert{DType::kFloat32, std::nullopt}, {operand.value}, name);
    if (value.name == name) return operand.value;
    if (value.constant) {
      Value copy = value;
      copy.name = name;
      return graph_.add_value(std::move(copy));
    }
    const bool is_taken = std::ranges::find(graph_.inputs, operand.value) != graph_.inputs.end() ||
                          std::ranges::any_of(model_.info.outputs, [&](const OnnxPort& port) { return port.name == value.name; });
    if (!is_taken) {
      graph_.value(operand.value).name = name;
      return operand.value;
    }
    const TensorType type = value.type;
    HT_ASSIGN(const ValueId copy, builder_.add_node(node_name(), Reshape{type.shape}, {operand.value}, name));
    graph_.value(copy).type = type;
    return copy;
  }

  std::string producer_name(const std::string& output) {
    for (const OnnxNode& node : model_.nodes)
      if (std::ranges::find(node.outputs, output) != node.outputs.end()) return node.name;
    return builder_.fresh_name("output_" + output);
  }

  // Values in the order in which inputs and nodes mention them. Names become unique: a constant with two kinds of scales has
  // become two constants.
  void order_values() {
    std::vector<ValueId> renumbered(graph_.values.size());
    std::vector<Value> ordered;
    std::unordered_set<std::string> names;
    auto visit = [&](std::vector<ValueId>& ids) {
      for (ValueId& id : ids) {
        if (!id.valid()) continue;
        ValueId& place = renumbered[id.index];
        if (!place.valid()) {
          place = ValueId(ordered.size());
          ordered.push_back(std::move(graph_.value(id)));
          if (!names.insert(ordered.back().name).second)
            names.insert(ordered.back().name = builder_.fresh_name(ordered.back().name));
        }
        id = place;
      }
    };
    visit(graph_.inputs);
    for (Node& node : graph_.nodes) {
      visit(node.inputs);
      visit(node.outputs);
    }
    visit(graph_.outputs);
    graph_.values = std::move(ordered);
  }

  OnnxModel model_;
  const OnnxImportOptions& options_;
  int64_t opset_ = 0;
  std::optional<ClosingSuppression> closing_;
  Graph graph_;
  GraphBuilder builder_;
};

}  // namespace

Result<Graph> import_onnx_bytes(std::span<const uint8_t> bytes, const std::filesystem::path& folder,
                                const OnnxImportOptions& options) {
  HT_ASSIGN(OnnxModel model, decode_onnx_model(bytes, folder, options.max_bytes));
  leave_out_closing_suppression(model);
  return Importer(std::move(model), options).run();
}

Result<Graph> import_onnx(const std::filesystem::path& path, const OnnxImportOptions& options) {
  HT_ASSIGN(const auto bytes, read_file(path, options.max_bytes));
  const auto folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  auto graph = import_onnx_bytes(bytes, folder, options);
  if (!graph) return std::move(graph.error()).in(path.string());
  return graph;
}

}  // namespace ht
