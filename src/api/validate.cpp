// SPDX-License-Identifier: Apache-2.0
#include "api/content.h"
#include "api/measure.h"
#include "api/metadata.h"
#include "api/validation.h"
#include "base/file.h"
#include "export/onnx/export.h"
#include "import/onnx/import.h"

namespace ht {
namespace {

using halftone::Model;
using halftone::Recipe;
using halftone::ValidateOptions;

Result<Subject> make_subject(Model model, Isa isa) {
  const Model::Content& content = model.content();
  auto network = Network::make(content.graph, content.is_quantized, isa, 1);
  if (!network) return std::move(network.error()).in(content.path.string());
  return Subject{std::move(model), *std::move(network)};
}

Status check_same_outputs(const Subject& real, const Subject& quantized) {
  const Graph &a = real.graph(), &b = quantized.graph();
  bool same = a.inputs.size() == b.inputs.size() && a.outputs.size() == b.outputs.size();
  for (size_t i = 0; same && i < a.outputs.size(); ++i) same = a.value(a.outputs[i]).type.shape == b.value(b.outputs[i]).type.shape;
  for (size_t i = 0; same && i < a.inputs.size(); ++i) {
    const TensorType &given = a.value(a.inputs[i]).type, &taken = b.value(b.inputs[i]).type;
    same = given.shape == taken.shape && (given == taken || (given.dtype == DType::kFloat32 && taken.is_quantized()));
  }
  if (same) return {};
  return input_error("has other inputs or outputs than {}, so it was not made from that model", real.model.path().string())
      .in(quantized.model.path().string());
}

Result<Subjects> open_subjects(const Recipe& recipe, const ValidateOptions& options, const Context& context) {
  halftone::LoadOptions how;
  how.input_shape = recipe.model.input_shape;
  HT_ASSIGN(Model first, Model::load(recipe.model.path, how, context));
  Subjects subjects;
  const bool alone = options.model.empty();
  if (!alone && !options.outputs.empty()) return usage_error("--outputs stand for a model's outputs; leave --model out");
  if ((!alone || !options.outputs.empty()) && first.is_quantized())
    return usage_error("the recipe's model is quantized already; give a recipe of the float model beside --model or --outputs").in(recipe.model.path.string());
  if (first.is_quantized()) HT_TRY(first.check_agreement(recipe, context));
  auto& place = first.is_quantized() ? subjects.quantized : subjects.real;
  HT_ASSIGN(place, make_subject(std::move(first), context.isa));
  if (!options.outputs.empty()) {
    subjects.quantized = subjects.real;
    subjects.outputs = options.outputs;
  }
  if (alone) return subjects;
  HT_ASSIGN(Model second, Model::load(options.model, {}, context));
  const std::string origin = origin_model(second.content().graph);
  if (!origin.empty() && origin != subjects.real->model.content().hash)
    return input_error("was quantized from another model than {}; quantize that one again", recipe.model.path.string()).in(options.model.string());
  HT_TRY(second.check_agreement(recipe, context));
  HT_ASSIGN(subjects.quantized, make_subject(std::move(second), context.isa));
  HT_TRY(check_same_outputs(*subjects.real, *subjects.quantized));
  return subjects;
}

// The network is read and written without any rewriting: only the manifest changes.
Status record(const std::filesystem::path& path, const Validation& validation) {
  HT_ASSIGN(Graph graph, import_onnx(path));
  const auto metrics = validation.result.quantized_model.value_or(halftone::TaskMetrics());
  HT_ASSIGN(graph.metadata[kManifestKey], with_validation(graph.metadata[kManifestKey], metrics, validation.result.images, validation.data_hash));
  HT_ASSIGN(const std::vector<uint8_t> bytes, export_onnx(graph));
  return write_file(path, bytes);
}

}  // namespace

Result<Validation> validate_subjects(const Subjects& subjects, const Recipe& recipe, const ValidateOptions& options, const Context& context) {
  if (!recipe.validation)
    return usage_error("there is nothing to validate with; write [validation] in the recipe, or give --images and --annotations");
  switch (recipe.task.type) {
    case halftone::TaskType::kDetection: return validate_detection(subjects, recipe, options, context);
    case halftone::TaskType::kClassification: return validate_classification(subjects, recipe, options, context);
    case halftone::TaskType::kNone: break;
  }
  return validate_outputs(subjects, recipe, options, context);
}

}  // namespace ht

namespace halftone {

Result<ValidateResult> validate(const Recipe& recipe, const ValidateOptions& options, const Context& context) {
  const ht::Stopwatch watch;
  HT_TRY(check_recipe(recipe));
  HT_ASSIGN(const ht::Subjects subjects, ht::open_subjects(recipe, options, context));
  const bool has_file = subjects.quantized && subjects.outputs.empty();
  if (options.record && !has_file) return ht::usage_error("--record writes into a quantized model, and there is none; give --model");
  if (options.record && !subjects.quantized->model.is_quantized())
    return ht::usage_error("--record writes into a quantized model, and this one is a float model").in(subjects.quantized->model.path().string());
  HT_ASSIGN(ht::Validation validation, ht::validate_subjects(subjects, recipe, options, context));
  if (options.record) HT_TRY(ht::record(subjects.quantized->model.path(), validation));
  ValidateResult& result = validation.result;
  if (subjects.real) result.float_bytes = subjects.real->model.content().file_bytes;
  if (has_file) result.quantized_bytes = subjects.quantized->model.content().file_bytes;
  result.seconds = watch.seconds();
  return std::move(result);
}

}  // namespace halftone
