// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <limits>

#include "api/calibrate.h"
#include "api/content.h"
#include "api/measure.h"
#include "api/metadata.h"
#include "api/recipe.h"
#include "api/request.h"
#include "api/search_contenders.h"
#include "api/tuning.h"
#include "base/file.h"
#include "base/thread_pool.h"
#include "export/onnx/export.h"
#include "kernels/registry.h"
#include "quantize/knapsack.h"

namespace ht {
namespace {

using halftone::Recipe;
using halftone::SearchCandidate;
using halftone::SearchOptions;
using halftone::SearchResult;

constexpr int64_t kSearchPhotos = 8;         // on which layers and whole candidates are tried
constexpr double kFreeSlowness = 1.1;        // of the time with the recipe's activations, where no latency is demanded
constexpr int kCorrections = 6;              // of a budget, after what was chosen turned out larger or slower than the sum of its layers
constexpr int kSmallerCandidates = 3;        // than the budgets allow, tried to show what less costs
constexpr int kRefinements = 2;              // of the best candidate
constexpr int kBisections = 4;               // between the smallest candidate that keeps the drop and the largest that does not
constexpr double kRounding = 1e-12;          // of a mean
constexpr double kMillisecondsOfSecond = 1000, kSecondsOfMinute = 60;
constexpr double kNoLimit = std::numeric_limits<double>::infinity();

class Search {
 public:
  Search(const SearchSubject& subject, const SearchOptions& options, const Stopwatch& watch)
      : subject_(subject), graph_(subject.model.content().graph), options_(options), watch_(watch) {}

  Status run() {
    HT_TRY(prepare());
    HT_TRY(choose_by_layer());
    return try_average();
  }

  // The candidate that is best by what was demanded, and whether it fulfils it.
  std::pair<size_t, bool> choose() const {
    std::vector<size_t> keeping;
    for (size_t i = 0; i < candidates_.size(); ++i)
      if (fulfils(candidates_[i])) keeping.push_back(i);
    if (keeping.empty()) {
      const auto nearest =
          std::ranges::min_element(candidates_, {}, [&](const Contender& c) { return std::pair(excess(c), c.error); });
      return {static_cast<size_t>(nearest - candidates_.begin()), false};
    }
    if (options_.max_bytes || options_.max_ms || options_.max_bits) return {nearest_contender(candidates_, keeping), true};
    return {
        *std::ranges::min_element(keeping, {}, [&](size_t i) { return std::pair(candidates_[i].bytes, candidates_[i].error); }),
        true};
  }

  Recipe recipe_of(size_t index) const { return candidates_[index].recipe; }
  Result<QuantizedGraph> quantize(size_t index) const { return contenders_->quantize(candidates_[index].recipe); }

  void tell(SearchResult& result) const {
    const auto [chosen, met] = choose();
    for (size_t i = 0; i < candidates_.size(); ++i) {
      const Contender& from = candidates_[i];
      SearchCandidate to;
      to.bytes = from.bytes;
      to.bits = average_bits(from);
      if (subject_.timed) to.ms = from.seconds * kMillisecondsOfSecond;
      to.snr_db = -10 * std::log10(from.error / static_cast<double>(subject_.sensitivity.heads().size()));
      to.metric = from.figure;
      to.drop = from.drop;
      to.fulfils = fulfils(from);
      to.chosen = i == chosen;
      std::map<LayerBits, int64_t> counts;
      for (size_t l = 0; l < from.picks.size(); ++l) ++counts[space_.layers[l].options[from.picks[l]].bits];
      for (const auto& [bits, count] : counts) to.layers.push_back({bits.weights, bits.inputs, count});
      result.candidates.push_back(std::move(to));
    }
    std::ranges::stable_sort(result.candidates, std::greater(), &SearchCandidate::bytes);
    for (size_t l = 0; l < space_.layers.size(); ++l) {
      const SearchLayer& layer = space_.layers[l];
      const LayerOption& option = layer.options[candidates_[chosen].picks[l]];
      result.layers.push_back({layer.node, layer.op, layer.weights, option.bits.weights, option.bits.inputs, option.error});
    }
    result.fulfilled = met;
    result.truncated = truncated_;
    result.float_metric = contenders_->float_figure();
  }

 private:
  Status prepare() {
    HT_ASSIGN(space_, measure_space(subject_));
    alone_ = values_of([](const SearchLayer&, const LayerOption& option) { return option.error; });
    contenders_.emplace(subject_, space_, options_.limit);
    if (options_.max_bytes) most_bytes_ = static_cast<double>(*options_.max_bytes);
    if (options_.max_ms) {
      most_seconds_ = *options_.max_ms / kMillisecondsOfSecond;
    } else if (subject_.timed) {
      most_seconds_ = kFreeSlowness * seconds_of_plain_activations();
    }
    return {};
  }

  // Candidates that have bits chosen for each layer.
  Status choose_by_layer() {
    HT_ASSIGN(auto first, fitting(alone_, most_bytes_));
    if (!first) {
      HT_ASSIGN(const Picks least, least_demanding());
      HT_TRY(try_candidate(least));
      return {};
    }
    HT_TRY(try_candidate(*first));
    if (options_.max_drop) HT_TRY(close_in());
    HT_TRY(refine());
    return options_.max_drop ? Status() : look_below();
  }

  // Behind all others, which it is no start for: refining changes single layers.
  Status try_average() {
    if (!options_.max_bits || is_late()) return {};
    HT_ASSIGN(auto contender, contenders_->measure_average(*options_.max_bits));
    if (contender) candidates_.push_back(*std::move(contender));
    return {};
  }

  // Of a run where no layer reads other bits than [quantize] asks for, and its weights have those that take longer.
  double seconds_of_plain_activations() const {
    double sum = space_.cost_of_rest(Cost::kSeconds);
    for (size_t l = 0; l < space_.layers.size(); ++l) {
      const auto& options = space_.layers[l].options;
      const LayerBits& plain = options[space_.plain[l]].bits;
      double most = 0;
      for (const LayerOption& option : options)
        if (option.bits.weights && option.bits.inputs == plain.inputs) most = std::max(most, option.seconds);
      sum += most;
    }
    return sum;
  }

  // Numbers to minimize in sum, one an option of each layer.
  using Values = std::vector<std::vector<double>>;

  Values values_of(const auto& value) const {
    Values values;
    for (const SearchLayer& layer : space_.layers) {
      auto& own = values.emplace_back();
      for (const LayerOption& option : layer.options) own.push_back(value(layer, option));
    }
    return values;
  }

  std::optional<Picks> solve(const Values& values, double most_bytes, double most_seconds) const {
    std::vector<std::pair<Cost, double>> limits;
    if (most_bytes < kNoLimit) limits.emplace_back(Cost::kBytes, most_bytes);
    if (most_seconds < kNoLimit) limits.emplace_back(Cost::kSeconds, most_seconds);
    if (options_.max_bits) limits.emplace_back(Cost::kWeightBits, *options_.max_bits * static_cast<double>(space_.all_weights()));
    Knapsack problem;
    for (const auto& [cost, limit] : limits) problem.budgets.push_back(limit - space_.cost_of_rest(cost));
    for (size_t l = 0; l < values.size(); ++l) {
      const SearchLayer& layer = space_.layers[l];
      auto& choices = problem.items.emplace_back();
      for (size_t o = 0; o < layer.options.size(); ++o) {
        choices.push_back({values[l][o], {}});
        for (const auto& [cost, limit] : limits) choices.back().costs.push_back(cost_of(layer, layer.options[o], cost));
      }
    }
    const auto solution = solve_knapsack(problem);
    return solution ? std::optional(solution->choices) : std::nullopt;
  }

  // Where nothing is within the limits: the choice that comes nearest to the first that cannot be kept.
  Result<Picks> least_demanding() const {
    const Cost cost = options_.max_bytes ? Cost::kBytes : options_.max_bits ? Cost::kWeightBits : Cost::kSeconds;
    Picks picks;
    for (const SearchLayer& layer : space_.layers) {
      const auto least = std::ranges::min_element(layer.options, {}, [&](const LayerOption& option) { return std::pair(cost_of(layer, option, cost), option.error); });
      picks.push_back(static_cast<size_t>(least - layer.options.begin()));
    }
    return picks;
  }

  // A file is not quite the sum of its layers, and neither is latency: the budgets are narrowed by what was too much. Nothing where no choice is found.
  Result<std::optional<Picks>> fitting(const Values& values, double most_bytes) {
    double bytes = most_bytes, seconds = most_seconds_;
    for (int attempt = 0; attempt < kCorrections; ++attempt) {
      const auto picks = solve(values, bytes, seconds);
      if (!picks) return picks;
      HT_ASSIGN(const int64_t file_bytes, contenders_->bytes_of(*picks));
      const double larger = static_cast<double>(file_bytes) - most_bytes;
      double slower = 0;
      if (larger <= 0 && options_.max_ms) {
        HT_ASSIGN(const double measured, contenders_->seconds_of(*picks));
        slower = measured - most_seconds_;
      }
      if (larger <= 0 && slower <= 0) return picks;
      bytes -= std::max(larger, 0.0);
      seconds -= std::max(slower, 0.0);
    }
    return std::optional<Picks>();
  }

  // Candidates smaller than the first one, for the others to see what size costs.
  Status look_below() {
    const double largest = static_cast<double>(candidates_.front().bytes), smallest = smallest_bytes();
    for (int i = kSmallerCandidates; i-- > 0;) HT_TRY(try_size(smallest + (largest - smallest) * i / kSmallerCandidates).status);
    return {};
  }

  // The smallest candidate whose drop is allowed lies between one that is too small and one that is not.
  Status close_in() {
    const auto allowed = [&](size_t i) { return fulfils(candidates_[i]); };
    if (!allowed(0)) return look_below();
    double enough = static_cast<double>(candidates_.front().bytes), too_small = smallest_bytes();
    const Tried least = try_size(too_small);
    HT_TRY(least.status);
    if (!least.index || allowed(*least.index)) return {};
    for (int i = 0; i < kBisections; ++i) {
      const double middle = (enough + too_small) / 2;
      const Tried tried = try_size(middle);
      HT_TRY(tried.status);
      if (!tried.index) return {};
      (allowed(*tried.index) ? enough : too_small) = middle;
    }
    return {};
  }

  // Errors do not quite add up: around the best candidate, other weights of each layer are measured while all else is as it is there, and the
  // budgets are spent anew by that, as long as it helps.
  Status refine() {
    for (int round = 0; round < kRefinements && !is_late(); ++round) {
      const Contender from = candidates_[choose().first];
      HT_ASSIGN(const Values values, errors_around(from));
      HT_ASSIGN(const auto picks, fitting(values, options_.max_drop && fulfils(from) ? static_cast<double>(from.bytes) : most_bytes_));
      if (!picks || std::ranges::find(candidates_, *picks, &Contender::picks) != candidates_.end()) return {};
      HT_TRY(try_candidate(*picks));
      if (candidates_.back().error >= from.error) return {};
    }
    return {};
  }

  Result<Values> errors_around(const Contender& from) const {
    HT_ASSIGN(const QuantizedGraph quantized, contenders_->quantize(from.recipe));
    const std::vector<IntegerLayer> layers = integer_layers(graph_, quantized);
    std::vector<Trial> trials;
    std::vector<std::pair<size_t, size_t>> places;  // layers and options
    Values values(space_.layers.size());
    for (size_t l = 0; l < values.size(); ++l) {
      const SearchLayer& layer = space_.layers[l];
      const LayerOption& pick = layer.options[from.picks[l]];
      for (size_t o = 0; o < layer.options.size(); ++o) {
        values[l].push_back(from.error + layer.options[o].error - pick.error);
        if (o == from.picks[l] || !layer.options[o].integers || layer.options[o].bits.inputs != pick.bits.inputs) continue;
        Trial& trial = trials.emplace_back();
        for (const IntegerLayer& other : layers)
          if (other.node != layer.node) trial.push_back({&other});
        trial.push_back({&*layer.options[o].integers});
        places.emplace_back(l, o);
      }
    }
    HT_ASSIGN(const std::vector<double> errors, subject_.sensitivity.errors(trials, "refine"));
    for (size_t i = 0; i < errors.size(); ++i) values[places[i].first][places[i].second] = errors[i];
    return values;
  }

  double smallest_bytes() const {
    const Values bytes = values_of([&](const SearchLayer& layer, const LayerOption& option) { return cost_of(layer, option, Cost::kBytes); });
    const auto picks = solve(bytes, kNoLimit, most_seconds_);
    return space_.cost(picks.value_or(space_.plain), Cost::kBytes);
  }

  struct Tried {
    Status status;
    std::optional<size_t> index;  // among the candidates; none: there is no time left, or nothing so small
  };
  Tried try_size(double most_bytes) {
    if (is_late()) return {};
    auto picks = fitting(alone_, most_bytes);
    if (!picks) return {std::move(picks.error()), {}};
    if (!*picks) return {};
    const auto known = std::ranges::find(candidates_, **picks, &Contender::picks);
    const auto index = static_cast<size_t>(known - candidates_.begin());
    if (known == candidates_.end())
      if (auto status = try_candidate(**picks); !status) return {std::move(status), {}};
    return {{}, index};
  }

  bool is_late() {
    const bool late = options_.minutes && watch_.seconds() > *options_.minutes * kSecondsOfMinute;
    truncated_ = truncated_ || late;
    return late;
  }

  Status try_candidate(const Picks& picks) {
    HT_ASSIGN(candidates_.emplace_back(), contenders_->measure(picks));
    return {};
  }

  double average_bits(const Contender& candidate) const { return space_.average_bits(candidate.picks); }

  // By how much the demands are not kept, as shares of them in sum.
  double excess(const Contender& candidate) const {
    double sum = 0;
    const auto add = [&](const auto& limit, double value) {
      if (limit && !(value <= *limit)) sum += (value - *limit) / std::max(std::abs(static_cast<double>(*limit)), 1e-9);
    };
    add(options_.max_bytes, static_cast<double>(candidate.bytes));
    add(options_.max_ms, candidate.seconds * kMillisecondsOfSecond);
    add(options_.max_bits, average_bits(candidate) * (1 - kRounding));
    add(options_.max_drop, candidate.drop.value_or(0));
    return sum;
  }
  bool fulfils(const Contender& candidate) const { return excess(candidate) == 0; }

  const SearchSubject& subject_;
  const Graph& graph_;
  const SearchOptions& options_;
  const Stopwatch& watch_;
  SearchSpace space_;
  Values alone_;  // the errors of layers that have their bits alone
  double most_bytes_ = kNoLimit, most_seconds_ = kNoLimit;
  std::optional<Contenders> contenders_;
  std::vector<Contender> candidates_;
  bool truncated_ = false;
};

Status check_options(const Recipe& recipe, const SearchOptions& options) {
  if (!options.max_drop && !options.max_bytes && !options.max_ms && !options.max_bits)
    return usage_error("say what the model must keep: --max-drop, --max-bytes, --max-ms or --max-bits");
  if (!recipe.calibration) return usage_error("a search needs [calibration] in the recipe: layers are tried on its photos");
  if (recipe.quantize.weights == halftone::kFloat16Weights)
    return usage_error("weights of \"float16\" leave nothing to search for; give 'weights' in [quantize] a number of bits");
  if (options.max_drop && (!recipe.validation || recipe.task.type == halftone::TaskType::kNone))
    return usage_error("--max-drop needs labelled photos: [validation] in the recipe, and a [task] that has a metric");
  if (options.max_ms && recipe.quantize.target == "cortex-m")
    return unsupported("latency is measured on this machine, which says nothing about {}; leave --max-ms out", recipe.quantize.target);
  return {};
}

// Statistics do not change between runs, and are kept beside the measurements.
Result<halftone::Statistics> kept_statistics(const halftone::Model& model, const Recipe& recipe, const QuantizeRequest& request,
                                             const std::filesystem::path& folder, bool skip_bad, const Context& context) {
  HT_ASSIGN(const std::string data, data_hash(model.content().graph, recipe));
  HT_ASSIGN(const std::string isa, FloatProgram::isa_name());
  const std::string origin = fmt::format("{} {} {} {}", model.content().hash, data, preprocess_hash(recipe.preprocess), isa);
  const auto path = folder / (sha256(origin).substr(0, 32) + ".stats");
  std::error_code failed;
  if (!folder.empty() && std::filesystem::exists(path, failed)) {
    auto kept = halftone::Statistics::load(path);
    if (kept) return kept;
    context.note(fmt::format("{} cannot be read, so photos are looked at again", path.string()));
  }
  HT_ASSIGN(const auto made, statistics_for(model, recipe, request, {.skip_bad = skip_bad}, context));
  if (!made) return halftone::Statistics(std::make_shared<halftone::Statistics::Content>());
  std::filesystem::create_directories(folder, failed);
  if (!folder.empty() && !failed && !made->save(path)) context.note(fmt::format("{} cannot be written", path.string()));
  return *made;
}

// What latencies depend on besides.
std::string machine_of(const Context& context) {
  return fmt::format("{} {} {}", machine_name(), isa_name(context.isa), resolve_threads(context.threads));
}

// What every measurement depends on.
std::string search_origin(const halftone::Model& model, const Recipe& recipe, const Statistics& seen) {
  return fmt::format("{} {} {} {}", model.content().hash, seen.data.hex(), seen.provenance.isa, sha256(stored_recipe(recipe)));
}

// A search takes long, so what can be known of its files is known before.
Status check_files(const std::filesystem::path& model, const std::filesystem::path& recipe) {
  std::error_code failed;
  const auto whole = [&](const std::filesystem::path& path) { return std::filesystem::weakly_canonical(std::filesystem::absolute(path, failed), failed); };
  if (whole(model) == whole(recipe))
    return usage_error("the recipe found would take the model's place; name another file for it with --recipe-out").in(model.string());
  HT_TRY(check_writable(model));
  return check_writable(recipe);
}

}  // namespace
}  // namespace ht

namespace halftone {

std::filesystem::path recipe_beside(const std::filesystem::path& output) { return std::filesystem::path(output).replace_extension(".toml"); }

Result<SearchResult> search(const Recipe& recipe, const std::filesystem::path& output, const SearchOptions& options, const Context& context) {
  const ht::Stopwatch watch;
  HT_TRY(check_recipe(recipe));
  HT_TRY(ht::check_options(recipe, options));
  const std::filesystem::path recipe_file = options.recipe.empty() ? recipe_beside(output) : options.recipe;
  HT_TRY(ht::check_files(output, recipe_file));
  HT_ASSIGN(const ht::QuantizeRequest request, ht::make_request(recipe.quantize, context));
  HT_ASSIGN(const Model model, ht::load_float_model(recipe, context));
  const ht::Graph& graph = model.content().graph;
  HT_ASSIGN(const Recipe settled, ht::settled_recipe(graph, recipe));
  const std::filesystem::path folder = options.cache.empty() && !ht::cache_folder().empty() ? ht::cache_folder() / "search" : options.cache;
  HT_ASSIGN(const Statistics statistics, ht::kept_statistics(model, recipe, request, folder, options.skip_bad, context));
  const ht::Statistics& seen = statistics.content().statistics;
  HT_ASSIGN(const auto sensitivity, ht::Sensitivity::open(model, settled, seen, {folder, ht::kSearchPhotos, options.skip_bad}, context));
  const ht::PhotoLooks looks = ht::looks_on_photos(model, settled, options.skip_bad, context);
  const ht::SearchSubject subject{model, settled, seen, looks, *sensitivity, ht::search_origin(model, settled, seen), ht::machine_of(context),
                                  recipe.quantize.target != "cortex-m", context};
  ht::Search search(subject, options, watch);
  HT_TRY(search.run());
  sensitivity->store().note_failures();

  SearchResult result;
  search.tell(result);
  result.measured = sensitivity->store().measured();
  result.remembered = sensitivity->store().found();
  const auto [chosen, fulfilled] = search.choose();
  if (fulfilled) {
    Recipe found = recipe;
    found.quantize = search.recipe_of(chosen).quantize;
    HT_ASSIGN(const ht::QuantizedGraph made, search.quantize(chosen));
    HT_ASSIGN(const std::vector<uint8_t> bytes, ht::export_onnx(made.graph));
    if (context.is_cancelled()) return ht::interrupted();
    // The recipe alone gives the model, but not the other way round.
    HT_TRY(save_recipe(found, recipe_file));
    HT_TRY(ht::write_file(output, bytes));
    result.output = output.string();
    result.recipe = recipe_file.string();
  }
  result.seconds = watch.seconds();
  result.peak_rss_bytes = ht::peak_rss_bytes();
  return result;
}

}  // namespace halftone
