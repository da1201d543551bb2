// SPDX-License-Identifier: Apache-2.0
#include "evaluate/structure.h"

#include <algorithm>

#include "evaluate/tail.h"

namespace ht {
namespace {

Shape coordinates(int64_t element, const Shape& shape) {
  Shape result(shape.size());
  for (size_t axis = shape.size(); axis-- > 0;) {
    result[axis] = element % shape[axis];
    element /= shape[axis];
  }
  return result;
}

int64_t element_at(const Shape& place, const Shape& shape) {
  int64_t element = 0;
  for (size_t axis = 0; axis < shape.size(); ++axis) element = element * shape[axis] + place[axis];
  return element;
}

struct Element {
  ValueId value;
  int64_t index = 0;
};

// The element of an input that the node passes on unchanged as this element of its output; an invalid value where it computes.
Element step_back(const Graph& graph, const Node& node, const Element& element) {
  const auto shape_of = [&](ValueId id) -> const Shape& { return graph.value(id).type.shape; };
  if (node.inputs.empty() || node.outputs.size() != 1) return {};
  const ValueId first = node.inputs[0];
  if (std::holds_alternative<Reshape>(node.op) || std::holds_alternative<Convert>(node.op) ||
      std::holds_alternative<Cast>(node.op)) {
    return {first, element.index};
  }
  const Shape place = coordinates(element.index, shape_of(element.value));
  Shape from = place;
  if (const auto* transpose = std::get_if<Transpose>(&node.op)) {
    for (size_t axis = 0; axis < place.size(); ++axis) from[static_cast<size_t>(transpose->permutation[axis])] = place[axis];
    return {first, element_at(from, shape_of(first))};
  }
  if (const auto* slice = std::get_if<Slice>(&node.op)) {
    for (size_t axis = 0; axis < place.size(); ++axis) from[axis] = slice->starts[axis] + place[axis] * slice->steps[axis];
    return {first, element_at(from, shape_of(first))};
  }
  if (const auto* concat = std::get_if<Concat>(&node.op)) {
    const auto axis = static_cast<size_t>(concat->axis);
    for (ValueId input : node.inputs) {
      if (from[axis] < shape_of(input)[axis]) return {input, element_at(from, shape_of(input))};
      from[axis] -= shape_of(input)[axis];
    }
  }
  return {};
}

bool is_sigmoid(const Node& node) {
  const auto* unary = std::get_if<Unary>(&node.op);
  return unary && unary->kind == UnaryKind::kSigmoid;
}

std::optional<ScoreForm> score_form(const Node* source) {
  if (!source) return std::nullopt;
  if (std::holds_alternative<Softmax>(source->op) || is_sigmoid(*source)) return ScoreForm::kProbability;
  return has_weights(*source) ? std::optional(ScoreForm::kLogit) : std::nullopt;
}

// Raw box values come straight out of a convolution.
std::optional<BoxForm> box_form(const Node* source) {
  return source && std::holds_alternative<Conv>(source->op) ? std::optional(BoxForm::kCells) : std::nullopt;
}

// How many values along the second axis come from the same layer as the first one.
int64_t first_part(const Graph& graph, const Links& links, ValueId value) {
  const Shape& shape = graph.value(value).type.shape;
  const int64_t step = shape[2] * shape[3];
  const Node* first = element_source(graph, links, value, 0);
  if (!first) return 0;
  int64_t count = 1;
  while (count < shape[1] && element_source(graph, links, value, count * step) == first) ++count;
  return count;
}

// The first class's value of the first box, in an output of this layout.
int64_t first_class_element(const HeadConfig& config, const Shape& shape, bool classes_first) {
  const int64_t classes = config.task.class_count;
  switch (config.layout) {
    case HeadLayout::kRows:
    case HeadLayout::kStrideRows: return classes_first ? 0 : std::max<int64_t>(shape.back() - classes, 0);
    case HeadLayout::kColumns:
    case HeadLayout::kMaps: break;
    case HeadLayout::kSplitMaps:
    case HeadLayout::kSplitRows:
    case HeadLayout::kSelected:
    case HeadLayout::kListed:
    case HeadLayout::kScored:
    case HeadLayout::kScoredColumns: return 0;
  }
  const size_t value_axis = shape.size() - (config.layout == HeadLayout::kColumns ? 2 : 3);
  int64_t locations = 1;
  for (size_t axis = value_axis + 1; axis < shape.size(); ++axis) locations *= shape[axis];
  return (shape[value_axis] - classes) * locations;
}

}  // namespace

const Node* element_source(const Graph& graph, const Links& links, ValueId value, int64_t element) {
  Element at{value, element};
  for (size_t steps = 0; steps <= graph.nodes.size(); ++steps) {
    const NodeId producer = links.producer(at.value);
    if (!producer.valid()) return nullptr;
    const Element before = step_back(graph, graph.node(producer), at);
    if (!before.value.valid()) return &graph.node(producer);
    at = before;
  }
  return nullptr;
}

DescribedOutputs describe_outputs(const Graph& graph) {
  // Beyond 1, so that logits are no probabilities; not much, so that no box becomes large beside the input.
  constexpr float kActivation = 1.25f;
  constexpr int64_t kWidth = 2, kSides = 4;
  DescribedOutputs described;
  described.values = tail_response(graph, kActivation);
  const Links links(graph);
  for (size_t i = 0; i < graph.outputs.size(); ++i) {
    const ValueId id = graph.outputs[i];
    const TensorType& type = graph.value(id).type;
    ModelOutput output{graph.value(id).name, type.shape, {}, {}, described.values[i]};
    output.integers = !type.affine && (type.dtype == DType::kInt64 || type.dtype == DType::kInt32);
    if (!type.shape.empty() && type.shape.back() == kSides && element_count(type.shape) > 0) {
      const Node* source = element_source(graph, links, id, kWidth);
      output.sigmoid_box = source && is_sigmoid(*source);
    }
    if (type.shape.size() == 4) output.first_part = first_part(graph, links, id);
    described.outputs.push_back(std::move(output));
  }
  return described;
}

DescribedOutputs describe_outputs(const Graph& graph, const DetectionTask& task, InputSize input) {
  DescribedOutputs described = describe_outputs(graph);
  auto& outputs = described.outputs;
  const auto config = resolve_head(task, input, outputs);
  if (!config) return described;
  const Links links(graph);
  for (size_t i = 0; i < outputs.size(); ++i) {
    const auto read = [&](const HeadInput& wanted) { return wanted.name == outputs[i].name; };
    if (std::none_of(config->outputs.begin(), config->outputs.end(), read)) continue;
    const int64_t element = first_class_element(*config, outputs[i].shape, task.head == "nanodet");
    outputs[i].scores = score_form(element_source(graph, links, graph.outputs[i], element));
    constexpr int64_t kWidth = 2;
    if (task.head == "yolox") outputs[i].boxes = box_form(element_source(graph, links, graph.outputs[i], kWidth));
  }
  return described;
}

}  // namespace ht
