// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "api/arrays.h"
#include "api/content.h"
#include "api/detector.h"
#include "api/photo_input.h"
#include "api/tensor.h"
#include "api/trace.h"
#include "api/tuning.h"
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

Status check_count(const Graph& graph, std::span<const halftone::Tensor> given) {
  if (given.size() == graph.inputs.size()) return {};
  return usage_error("the model has {} inputs, but {} were given", graph.inputs.size(), given.size());
}

// The given tensors in the graph's order.
Result<std::vector<Tensor>> arrange(const Graph& graph, std::span<const halftone::Tensor> given) {
  HT_TRY(check_count(graph, given));
  std::vector<Tensor> inputs;
  for (ValueId id : graph.inputs) {
    HT_ASSIGN(const halftone::Tensor* tensor, given_for(graph, id, given));
    HT_ASSIGN(Tensor made, to_internal(*tensor));
    inputs.push_back(std::move(made));
  }
  return as_inputs(graph, inputs);
}

// `tensor` must stay as it is until the outputs have been read.
Status lend_input(Session& session, const Graph& graph, size_t index, const halftone::Tensor& tensor) {
  const TensorType& type = graph.value(graph.inputs[index]).type;
  if (!type.is_quantized() && tensor.type == dtype_name(type.dtype) && tensor.shape == type.shape &&
      static_cast<int64_t>(tensor.bytes.size()) == element_count(type.shape) * dtype_size(type.dtype))
    return session.lend_input(index, type.dtype, type.shape, tensor.bytes);
  HT_ASSIGN(const Tensor given, to_internal(tensor));
  const Tensor input = as_input(type, given);
  return session.set_input(index, input.dtype(), input.shape(), input.bytes());
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
  const int threads = ht::resolve_threads(context.threads);
  auto network = content.networks.get(content.graph, content.is_quantized, context.isa, threads, ht::tuned_kernels(content.hash, threads, context));
  if (!network) return std::move(network.error()).in(content.path.string());
  // A copy of the handle keeps what it holds alive.
  auto kept = std::make_shared<const Model>(model);
  std::shared_ptr<const Model::Content> shared(kept, &kept->content());
  ht::Runner runner(**network, threads);
  return Session(std::make_unique<Content>(Content{std::move(shared), *std::move(network), std::move(runner), context.cancelled}));
}

Result<std::vector<Tensor>> Session::run(std::span<const Tensor> inputs) {
  std::vector<Tensor> outputs;
  HT_TRY(run(inputs, outputs));
  return outputs;
}

Status Session::run(std::span<const Tensor> inputs, std::vector<Tensor>& outputs) {
  const ht::Graph& graph = content_->model->graph;
  ht::Session& session = content_->runner.session();
  HT_TRY(ht::check_count(graph, inputs));
  for (size_t i = 0; i < graph.inputs.size(); ++i) {
    HT_ASSIGN(const Tensor* tensor, ht::given_for(graph, graph.inputs[i], inputs));
    HT_TRY(ht::lend_input(session, graph, i, *tensor));
  }
  outputs.resize(graph.outputs.size());
  for (size_t i = 0; i < outputs.size(); ++i) {
    const ht::Buffer& buffer = session.plan().buffer(session.plan().outputs[i]);
    outputs[i].name = graph.value(graph.outputs[i]).name;
    outputs[i].type = ht::dtype_name(buffer.declared());
    outputs[i].shape = buffer.shape;
    outputs[i].bytes.resize(static_cast<size_t>(buffer.bytes()));
    session.lend_output(i, outputs[i].bytes);
  }
  content_->runner.compute();
  for (size_t i = 0; i < outputs.size(); ++i) session.read_output(i, outputs[i].bytes);
  return {};
}

Status Session::trace(std::span<const Tensor> inputs, const std::function<void(const TracedValue& value)>& show) {
  const ht::Graph& graph = content_->model->graph;
  HT_ASSIGN(const auto arranged, ht::arrange(graph, inputs));
  return ht::trace(content_->runner, graph, arranged, [&](const ht::ComputedValue& value) { show(ht::traced(value)); });
}

Result<std::vector<Detection>> Session::detect(const std::filesystem::path& image, const Recipe& recipe) {
  if (content_->is_cancelled()) return ht::interrupted();
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
