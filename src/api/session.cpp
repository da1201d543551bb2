// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>
#include <set>

#include "api/content.h"
#include "api/detector.h"
#include "api/photo_input.h"
#include "api/tensor.h"
#include "base/thread_pool.h"
#include "image/decode.h"

namespace ht {
namespace {

// A value as it lies in memory, as the plain tensor of its own type that it stands for.
Tensor plain_tensor(const Buffer& buffer, std::span<const uint8_t> bytes) {
  Tensor tensor = Tensor::zeros(buffer.offset_128 ? DType::kUint8 : buffer.dtype, buffer.shape);
  const auto to = tensor.mutable_data<uint8_t>();
  const auto size = static_cast<size_t>(dtype_size(buffer.dtype));
  const Shape strides = layout_strides(buffer.shape, buffer.layout);
  Shape place(buffer.shape.size(), 0);
  for (int64_t i = 0; i < tensor.size(); ++i) {
    int64_t from = 0;
    for (size_t axis = 0; axis < place.size(); ++axis) from += place[axis] * strides[axis];
    std::memcpy(to.data() + static_cast<size_t>(i) * size, bytes.data() + static_cast<size_t>(from) * size, size);
    for (size_t axis = place.size(); axis-- > 0 && ++place[axis] == buffer.shape[axis];) place[axis] = 0;
  }
  if (buffer.offset_128)
    for (uint8_t& byte : to) byte ^= 0x80;
  return tensor;
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

Result<std::vector<Tensor>> Session::run_all(std::span<const Tensor> inputs) {
  const ht::Graph& graph = content_->model->graph;
  HT_ASSIGN(const auto arranged, ht::arrange(graph, inputs));
  std::vector<Tensor> values;
  std::set<std::string> seen;
  content_->runner.session().set_observer([&](const ht::Buffer& buffer, std::span<const uint8_t> bytes) {
    if (seen.insert(buffer.name).second) values.push_back(ht::to_public(buffer.name, ht::plain_tensor(buffer, bytes)));
  });
  const auto outputs = content_->runner.run(arranged);
  content_->runner.session().set_observer({});
  if (!outputs) return outputs.error();
  for (Tensor& output : ht::named_outputs(graph, *outputs))
    if (seen.insert(output.name).second) values.push_back(std::move(output));
  return values;
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
