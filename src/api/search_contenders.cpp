// SPDX-License-Identifier: Apache-2.0
#include "api/search_contenders.h"

#include <fmt/ranges.h>

#include <array>

#include "api/content.h"
#include "api/layer_times.h"
#include "api/recipe.h"
#include "api/validation.h"
#include "base/file.h"
#include "base/thread_pool.h"
#include "export/onnx/export.h"

namespace ht {
namespace {

// What the task is judged by.
double figure_of(const halftone::TaskMetrics& metrics) {
  if (const auto* detection = std::get_if<halftone::DetectionMetrics>(&metrics)) return detection->ap;
  return std::get<halftone::ClassificationMetrics>(metrics).top1;
}

// Empty where nothing can be judged.
std::string labels_of_recipe(const halftone::Recipe& recipe, std::optional<int64_t> limit) {
  if (!recipe.validation || recipe.task.type == halftone::TaskType::kNone) return {};
  const halftone::ValidationData& data = *recipe.validation;
  const auto annotations = read_file(data.annotations);
  return fmt::format("{} {} {} {}", data.images, fmt::join(data.arrays, " "), annotations ? sha256(*annotations) : "", limit.value_or(0));
}

}  // namespace

Contenders::Contenders(const SearchSubject& subject, const SearchSpace& space, std::optional<int64_t> limit)
    : subject_(subject), space_(space), store_(subject.sensitivity.store()), limit_(limit), labels_(labels_of_recipe(subject.recipe, limit)) {}

halftone::Recipe Contenders::recipe_of(const Picks& picks) const {
  halftone::Recipe recipe = subject_.recipe;
  recipe.quantize = settings_of(configuration_of(space_, picks), recipe.quantize);
  return recipe;
}

Result<QuantizedGraph> Contenders::quantize(const Picks& picks) const {
  return quantize_model(subject_.model, recipe_of(picks), subject_.seen, subject_.looks, subject_.context);
}

std::string Contenders::key_of(const Picks& picks) const { return fmt::format("{} {}", subject_.origin, text_hash(stored_recipe(recipe_of(picks)))); }

Result<Contender> Contenders::weigh(const Picks& picks) {
  if (const auto known = weighed_.find(picks); known != weighed_.end()) return known->second;
  Contender& contender = weighed_[picks];
  contender.picks = picks;
  const std::string bytes_key = "file bytes " + key_of(picks), seconds_key = fmt::format("latency {} {}", subject_.machine, key_of(picks));
  const auto bytes = store_.get(bytes_key, 1), seconds = subject_.timed ? store_.get(seconds_key, 1) : std::vector<double>{0};
  if (bytes && seconds) {
    contender.bytes = static_cast<int64_t>(bytes->front());
    contender.seconds = seconds->front();
    return contender;
  }
  HT_ASSIGN(const QuantizedGraph quantized, quantize_model(subject_.model, recipe_of(picks), subject_.seen, {}, subject_.context));
  HT_ASSIGN(const std::vector<uint8_t> file, export_onnx(quantized.graph));
  contender.bytes = static_cast<int64_t>(file.size());
  if (!bytes) store_.put(bytes_key, std::vector{static_cast<double>(contender.bytes)});
  if (!subject_.timed) return contender;
  HT_ASSIGN(const auto network, Network::make(quantized.graph, true, subject_.context.isa, 1));
  Timed timed(quantized.graph, *network, resolve_threads(subject_.context.threads));
  HT_TRY(time_in_turns(std::array{&timed}, 0, false, subject_.context));
  contender.seconds = quantile(timed.runs, 0.5);
  store_.put(seconds_key, {&contender.seconds, 1});
  return contender;
}

Result<Contender> Contenders::measure(const Picks& picks) {
  HT_ASSIGN(Contender contender, weigh(picks));
  const std::string error_key = "contender " + key_of(picks), figure_key = fmt::format("figure {} {}", labels_, key_of(picks));
  const auto error = store_.get(error_key, 1), figure = labels_.empty() ? std::nullopt : store_.get(figure_key, 1);
  if (error) contender.error = error->front();
  if (figure) contender.figure = figure->front();
  if (error && (figure || labels_.empty())) {
    if (figure) HT_TRY(judge_float());
  } else {
    HT_ASSIGN(QuantizedGraph quantized, quantize(picks));
    if (!error) {
      HT_ASSIGN(contender.error, head_error(quantized.graph));
      store_.put(error_key, {&contender.error, 1});
    }
    if (!labels_.empty()) {
      HT_TRY(judge_float());
      HT_ASSIGN(contender.figure, judge(std::move(quantized.graph), true));
      store_.put(figure_key, {&*contender.figure, 1});
    }
  }
  if (contender.figure) contender.drop = kPoints * (*float_figure_ - *contender.figure);
  return contender;
}

Result<double> Contenders::head_error(const Graph& quantized) const {
  const std::vector<IntegerLayer> layers = integer_layers(subject_.model.content().graph, quantized);
  Trial trial;
  for (const IntegerLayer& layer : layers) trial.push_back({&layer});
  HT_ASSIGN(const std::vector<double> errors, subject_.sensitivity.errors(std::array{trial}, "candidate"));
  return errors.front();
}

Result<double> Contenders::judge(Graph graph, bool is_quantized) const {
  auto content = std::make_shared<halftone::Model::Content>();
  content->path = subject_.model.path();
  content->graph = std::move(graph);
  content->is_quantized = is_quantized;
  HT_ASSIGN(auto network, Network::make(content->graph, is_quantized, subject_.context.isa, 1));
  Subjects subjects;
  (is_quantized ? subjects.quantized : subjects.real) = Subject{halftone::Model(std::move(content)), std::move(network)};
  HT_ASSIGN(const Validation validation, validate_subjects(subjects, subject_.recipe, {.limit = limit_}, subject_.context));
  return figure_of(*(is_quantized ? validation.result.quantized_model : validation.result.float_model));
}

Status Contenders::judge_float() {
  if (float_figure_) return {};
  const std::string key = fmt::format("figure {} {}", labels_, subject_.origin);
  if (const auto kept = store_.get(key, 1)) {
    float_figure_ = kept->front();
    return {};
  }
  HT_ASSIGN(float_figure_, judge(subject_.model.content().graph, false));
  store_.put(key, {&*float_figure_, 1});
  return {};
}

}  // namespace ht
