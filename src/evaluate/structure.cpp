// SPDX-License-Identifier: Apache-2.0
#include "evaluate/structure.h"

#include <algorithm>

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

std::optional<ScoreForm> score_form(const Node* source) {
  if (!source) return std::nullopt;
  if (std::holds_alternative<Softmax>(source->op)) return ScoreForm::kProbability;
  if (const auto* unary = std::get_if<Unary>(&source->op); unary && unary->kind == UnaryKind::kSigmoid)
    return ScoreForm::kProbability;
  const bool linear = std::holds_alternative<Conv>(source->op) || std::holds_alternative<Gemm>(source->op) ||
                      std::holds_alternative<MatMul>(source->op);
  return linear ? std::optional(ScoreForm::kLogit) : std::nullopt;
}

// Raw box values come straight out of a convolution; decoded ones out of arithmetic, in pixels wherever it is seen.
std::optional<BoxForm> box_form(const Node* source) {
  if (!source) return std::nullopt;
  if (std::holds_alternative<Conv>(source->op)) return BoxForm::kCells;
  return std::holds_alternative<Binary>(source->op) ? std::optional(BoxForm::kPixels) : std::nullopt;
}

// The first class's value of the first box, in an output of this layout.
int64_t first_class_element(const HeadConfig& config, const Shape& shape, bool classes_first) {
  if (classes_first || config.layout == HeadLayout::kSplitMaps || config.layout == HeadLayout::kSplitRows) return 0;
  if (config.layout == HeadLayout::kRows) return shape.back() - config.task.class_count;
  const size_t value_axis = shape.size() - (config.layout == HeadLayout::kColumns ? 2 : 3);
  int64_t locations = 1;
  for (size_t axis = value_axis + 1; axis < shape.size(); ++axis) locations *= shape[axis];
  return (shape[value_axis] - config.task.class_count) * locations;
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

std::vector<ModelOutput> describe_outputs(const Graph& graph, const DetectionTask& task, InputSize input) {
  std::vector<ModelOutput> outputs;
  for (ValueId id : graph.outputs) outputs.push_back({graph.value(id).name, graph.value(id).type.shape, {}, {}, {}});
  const auto config = resolve_head(task, input, outputs);
  if (!config) return outputs;
  const Links links(graph);
  for (size_t i = 0; i < outputs.size(); ++i) {
    const auto read = [&](const HeadInput& wanted) { return wanted.name == outputs[i].name; };
    if (std::none_of(config->outputs.begin(), config->outputs.end(), read)) continue;
    const int64_t element = first_class_element(*config, outputs[i].shape, task.head == "nanodet");
    outputs[i].scores = score_form(element_source(graph, links, graph.outputs[i], element));
    constexpr int64_t kWidth = 2;
    if (task.head == "yolox") outputs[i].boxes = box_form(element_source(graph, links, graph.outputs[i], kWidth));
  }
  return outputs;
}

}  // namespace ht
