// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "api/content.h"
#include "api/detector.h"
#include "api/photo_input.h"
#include "api/tensor.h"
#include "api/trace.h"
#include "base/thread_pool.h"
#include "image/decode.h"
#include "ir/dequantize.h"

namespace ht {
namespace {

halftone::TracedValue traced(const ComputedValue& value) {
  halftone::TracedValue result{value.layer, value.op, std::string(dtype_name(value.tensor.dtype())), {}, {}, {}, {}, {}};
  result.real = to_public(value.name, dequantize(value.tensor, value.affine));
  if (!value.affine) return result;
  result.integers = to_public(value.name, value.tensor);
  result.scales = value.affine->scales();
  result.zero_points = value.affine->zero_points();
  if (const auto axis = value.affine->axis()) result.axis = static_cast<int64_t>(*axis);
  return result;
}

// The given tensors in the graph's order.
Result<std::vector<Tensor>> arrange(const Graph& graph, std::span<const halftone::Tensor> given) {
  if (given.size() != graph.inputs.size()) return usage_error("the model has {} inputs, but {} were given", graph.inputs.size(), given.size());
  std::vector<Tensor> inputs;
  for (ValueId id : graph.inputs) {
    const std::string& name = graph.value(id).name;
    auto found = std::ranges::find(given, name, &halftone::Tensor::name);
    if (found == given.end() && given.size() == 1 && given[0].name.empty()) found = given.begin();
    if (found == given.end()) return usage_error("the model's input '{}' was not given", name);
    HT_ASSIGN(Tensor tensor, to_internal(*found));
    inputs.push_back(std::move(tensor));
  }
  return as_inputs(graph, inputs);
}

std::vector<halftone::Tensor> named_outputs(const Graph& graph, const std::vector<Tensor>& outputs) {
  std::vector<halftone::Tensor> result;
  for (size_t i = 0; i < outputs.size(); ++i) result.push_back(to_public(graph.value(graph.outputs[i]).name, outputs[i]));
  return result;
}

Result<Tensor> photo_tensor(const Graph& graph, const halftone::Recipe& recipe, const Image& photo) {
  if (!recipe.preprocess) return usage_error("the recipe has no [preprocess], so a photo cannot become the model's input");
  HT_ASSIGN(const PhotoInput input, PhotoInput::make(graph, *recipe.preprocess));
  return input.convert(photo);
}

}  // namespace
}  // namespace ht

namespace halftone {

Session::Session(std::unique_ptr<Content> content) : content_(std::move(content)) {}
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;
Session::~Session() = default;

Result<Session> Session::create(const Model& model, const Context& context) {
  const Model::Content& content = model.content();
  auto network = ht::Network::make(content.graph, content.is_quantized, context.isa, ht::resolve_threads(context.threads));
  if (!network) return std::move(network.error()).in(content.path.string());
  // A copy of the handle keeps what it holds alive.
  auto kept = std::make_shared<const Model>(model);
  std::shared_ptr<const Model::Content> shared(kept, &kept->content());
  ht::Runner runner(**network);
  return Session(std::make_unique<Content>(Content{std::move(shared), *std::move(network), std::move(runner)}));
}

Result<std::vector<Tensor>> Session::run(std::span<const Tensor> inputs) {
  const ht::Graph& graph = content_->model->graph;
  HT_ASSIGN(const auto arranged, ht::arrange(graph, inputs));
  HT_ASSIGN(const auto outputs, content_->runner.run(arranged));
  return ht::named_outputs(graph, outputs);
}

Status Session::trace(std::span<const Tensor> inputs, const std::function<void(const TracedValue& value)>& show) {
  const ht::Graph& graph = content_->model->graph;
  HT_ASSIGN(const auto arranged, ht::arrange(graph, inputs));
  return ht::trace(content_->runner, graph, arranged, [&](const ht::ComputedValue& value) { show(ht::traced(value)); });
}

Result<std::vector<Detection>> Session::detect(const std::filesystem::path& image, const Recipe& recipe) {
  const ht::Graph& graph = content_->model->graph;
  HT_ASSIGN(const ht::Detector detector, ht::Detector::make(graph, recipe));
  HT_ASSIGN(const ht::PhotoInput input, ht::PhotoInput::make(graph, *recipe.preprocess));
  HT_ASSIGN(const ht::Image photo, ht::read_image(image));
  HT_ASSIGN(ht::Tensor tensor, input.convert(photo));
  HT_ASSIGN(auto raw, content_->runner.run({&tensor, 1}));
  const auto outputs = ht::as_real(graph, std::move(raw));
  HT_ASSIGN(const auto found, detector.detect(outputs, input.preprocess(), photo.width, photo.height));
  std::vector<Detection> detections;
  for (const ht::Candidate& candidate : found) detections.push_back(ht::to_public(candidate, detector.labels()));
  return detections;
}

Result<Tensor> Session::preprocess(const std::filesystem::path& image, const Recipe& recipe) const {
  const ht::Graph& graph = content_->model->graph;
  HT_ASSIGN(const ht::Image photo, ht::read_image(image));
  HT_ASSIGN(const ht::Tensor tensor, ht::photo_tensor(graph, recipe, photo));
  return ht::to_public(graph.value(graph.inputs[0]).name, tensor);
}

}  // namespace halftone
