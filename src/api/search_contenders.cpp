// SPDX-License-Identifier: Apache-2.0
#include "api/search_contenders.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "api/content.h"
#include "api/layer_times.h"
#include "api/recipe.h"
#include "base/file.h"
#include "base/thread_pool.h"
#include "export/onnx/export.h"

namespace ht {
namespace {

bool has_labels(const halftone::Recipe& recipe) { return recipe.validation && recipe.task.type != halftone::TaskType::kNone; }

// What errors of heads depend on besides the network tried.
std::string photos_of(const Sensitivity& sensitivity) {
  std::string text = sensitivity.origin();
  for (const TrialPhoto& photo : sensitivity.photos()) text += " " + photo.hash;
  return text;
}

}  // namespace

size_t nearest_contender(const std::vector<Contender>& contenders, const std::vector<size_t>& among) {
  const auto drop_of = [&](size_t i) { return contenders[i].drop.value_or(0); };
  const double least = drop_of(*std::ranges::min_element(among, {}, drop_of));
  const auto rank = [&](size_t i) { return std::pair(drop_of(i) > least + kAlikeDrops, contenders[i].error); };
  return *std::ranges::min_element(among, {}, rank);
}

Contenders::Contenders(const SearchSubject& subject, const SearchSpace& space, std::optional<int64_t> limit)
    : subject_(subject), space_(space), store_(subject.sensitivity.store()), limit_(limit), photos_(photos_of(subject.sensitivity)) {}

halftone::Recipe Contenders::recipe_of(const Picks& picks) const {
  halftone::Recipe recipe = subject_.recipe;
  recipe.quantize = settings_of(configuration_of(space_, picks), recipe.quantize);
  return recipe;
}

Result<QuantizedGraph> Contenders::quantize(const halftone::Recipe& recipe) const {
  return quantize_model(subject_.model, recipe, subject_.seen, subject_.looks, subject_.context);
}

std::string Contenders::key_of(const halftone::Recipe& recipe) const {
  return fmt::format("{} {} {}", subject_.origin, space_.fingerprint, sha256(stored_recipe(recipe)));
}

// Without the looks at photos that change numbers in the file but not how many there are.
Result<QuantizedGraph> Contenders::sketch(const halftone::Recipe& recipe) const {
  PhotoLooks looks;
  if (recipe.quantize.average_bits) looks = {subject_.looks.trials, {}, subject_.looks.heads};  // which layers have which bits depends on these
  return quantize_model(subject_.model, recipe, subject_.seen, looks, subject_.context);
}

Result<std::optional<Contenders::Sketch>> Contenders::sketch_of_average(const halftone::Recipe& recipe) {
  const std::string key = "average bits " + key_of(recipe);
  const size_t count = space_.layers.size();
  if (const auto kept = store_.get(key, count + 1)) {
    Sketch sketch{Picks(count), static_cast<int64_t>(kept->back())};
    for (size_t i = 0; i < count; ++i) sketch.picks[i] = static_cast<size_t>((*kept)[i]);
    return std::optional(std::move(sketch));
  }
  const auto quantized = this->sketch(recipe);
  if (!quantized && quantized.error().code == ErrorCode::kUsage) return std::optional<Sketch>();  // as where rules leave nothing to have groups
  if (!quantized) return quantized.error();
  HT_ASSIGN(const std::vector<uint8_t> file, export_onnx(quantized->graph));
  const auto picks = picks_of(space_, bits_in(subject_.model.content().graph, quantized->graph));
  if (!picks) return std::optional<Sketch>();
  std::vector<double> numbers(picks->begin(), picks->end());
  numbers.push_back(static_cast<double>(file.size()));
  store_.put(key, numbers);
  return std::optional(Sketch{*picks, static_cast<int64_t>(file.size())});
}

Result<int64_t> Contenders::bytes_of(const Picks& picks) {
  const auto known = bytes_.find(picks);
  if (known != bytes_.end()) return known->second;
  const halftone::Recipe recipe = recipe_of(picks);
  const std::string key = "file bytes " + key_of(recipe);
  if (const auto kept = store_.get(key, 1)) return bytes_[picks] = static_cast<int64_t>(kept->front());
  HT_ASSIGN(const QuantizedGraph quantized, sketch(recipe));
  HT_ASSIGN(const std::vector<uint8_t> file, export_onnx(quantized.graph));
  store_.put(key, std::vector{static_cast<double>(file.size())});
  return bytes_[picks] = static_cast<int64_t>(file.size());
}

Result<double> Contenders::seconds_of(const Picks& picks) { return seconds_of(recipe_of(picks)); }

Result<double> Contenders::seconds_of(const halftone::Recipe& recipe) {
  if (!subject_.timed) return 0.0;
  const std::string key = fmt::format("latency {} {}", subject_.machine, key_of(recipe));
  const auto known = seconds_.find(key);
  if (known != seconds_.end()) return known->second;
  if (const auto kept = store_.get(key, 1)) return seconds_[key] = kept->front();
  HT_ASSIGN(const QuantizedGraph quantized, sketch(recipe));
  HT_ASSIGN(const auto network, Network::make(quantized.graph, true, subject_.context.isa, 1));
  Timed timed(quantized.graph, *network, resolve_threads(subject_.context.threads));
  HT_TRY(time_in_turns(std::array{&timed}, 0, false, subject_.context));
  const double seconds = quantile(timed.runs, 0.5);
  store_.put(key, {&seconds, 1});
  return seconds_[key] = seconds;
}

Result<Contender> Contenders::measure(const Picks& picks) {
  Contender contender{picks, recipe_of(picks)};
  HT_ASSIGN(contender.bytes, bytes_of(picks));
  HT_TRY(judge(contender));
  return contender;
}

Result<std::optional<Contender>> Contenders::measure_average(double most_bits) {
  constexpr double kFewBits = 4, kManyBits = 8;
  constexpr int kCorrections = 4;
  constexpr double kSteps = 100;  // of a bit, where layers in float leave less to the others
  if (most_bits <= kFewBits || most_bits >= kManyBits) return std::optional<Contender>();
  double asked = most_bits;
  for (int i = 0; i < kCorrections && asked >= kFewBits; ++i) {
    Contender contender{{}, subject_.recipe};
    contender.recipe.quantize = settings_of_average(asked, subject_.recipe.quantize);
    HT_ASSIGN(const auto sketch, sketch_of_average(contender.recipe));
    if (!sketch) return std::optional<Contender>();
    const double excess = space_.average_bits(sketch->picks) - most_bits;
    if (excess > 0) {
      asked = std::floor((asked - excess) * kSteps) / kSteps;
      continue;
    }
    contender.picks = sketch->picks;
    contender.bytes = sketch->bytes;
    HT_TRY(judge(contender));
    return std::optional(std::move(contender));
  }
  return std::optional<Contender>();
}

Status Contenders::judge(Contender& contender) {
  HT_ASSIGN(contender.seconds, seconds_of(contender.recipe));
  const std::string key = key_of(contender.recipe);
  const bool is_judged = has_labels(subject_.recipe);
  if (is_judged) HT_TRY(judge_float());
  const std::string error_key = fmt::format("contender {} {}", photos_, key), figure_key = fmt::format("figure {} {}", labels_, key);
  const auto error = store_.get(error_key, 1), figure = is_judged ? store_.get(figure_key, 1) : std::nullopt;
  std::optional<QuantizedGraph> quantized;
  if (!error || (is_judged && !figure)) {
    HT_ASSIGN(quantized, quantize(contender.recipe));
  }
  if (error) {
    contender.error = error->front();
  } else {
    HT_ASSIGN(contender.error, head_error(*quantized));
    store_.put(error_key, {&contender.error, 1});
  }
  if (!is_judged) return {};
  if (figure) {
    contender.figure = figure->front();
  } else {
    HT_ASSIGN(const Validation validation, judge(std::move(quantized->graph), true));
    contender.figure = figure_of(*validation.result.quantized_model);
    store_.put(figure_key, {&*contender.figure, 1});
  }
  contender.drop = kPoints * (*float_figure_ - *contender.figure);
  return {};
}

Result<double> Contenders::head_error(const QuantizedGraph& quantized) const {
  const std::vector<IntegerLayer> layers = integer_layers(subject_.model.content().graph, quantized);
  HT_ASSIGN(const std::vector<double> errors, subject_.sensitivity.errors(std::array{whole_trial(layers)}, "candidate"));
  return errors.front();
}

Result<Validation> Contenders::judge(Graph graph, bool is_quantized) const {
  auto content = std::make_shared<halftone::Model::Content>();
  content->path = subject_.model.path();
  content->graph = std::move(graph);
  content->is_quantized = is_quantized;
  HT_ASSIGN(auto network, Network::make(content->graph, is_quantized, subject_.context.isa, 1));
  Subjects subjects;
  (is_quantized ? subjects.quantized : subjects.real) = Subject{halftone::Model(std::move(content)), std::move(network)};
  return validate_subjects(subjects, subject_.recipe, {.limit = limit_}, subject_.context);
}

// Nothing of this is kept: only a look at the labelled photos tells which they are.
Status Contenders::judge_float() {
  if (float_figure_) return {};
  HT_ASSIGN(const Validation validation, judge(subject_.model.content().graph, false));
  labels_ = validation.data_hash;
  float_figure_ = figure_of(*validation.result.float_model);
  return {};
}

}  // namespace ht
