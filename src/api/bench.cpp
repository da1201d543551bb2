// SPDX-License-Identifier: Apache-2.0
#include <optional>

#include "api/content.h"
#include "api/layer_times.h"
#include "api/measure.h"
#include "api/tuning.h"
#include "base/thread_pool.h"
#include "halftone/operations.h"
#include "kernels/peak.h"
#include "kernels/registry.h"

namespace ht {
namespace {

constexpr double kMilliseconds = 1000;

// What the cores in use can do at most with the instruction sets that are allowed, in operations a second.
struct Peak {
  explicit Peak(Isa allowed, int threads) {
    for (const Isa isa : {Isa::kAmx, Isa::kAvx512Vnni, Isa::kAvx2, Isa::kI8mm, Isa::kDotprod, Isa::kNeon, Isa::kC}) {
      if (!isa_usable(isa, allowed)) continue;
      integers = threads * int8_peak(isa);
      if (integers <= 0) continue;
      floats = threads * float_peak(isa);
      return;
    }
  }
  // None of a layer without multiplications, and where the peak is not known.
  std::optional<double> share(std::string_view kernel, int64_t macs, double seconds) const {
    const bool is_float = kernel.find("_f32") != kernel.npos || kernel.find(':') != kernel.npos;  // ours, oneDNN's ("jit:avx2")
    const double most = is_float ? floats : integers;
    if (macs == 0 || most <= 0 || seconds <= 0) return std::nullopt;
    return 2 * static_cast<double>(macs) / seconds / most;
  }
  double integers = 0, floats = 0;
};

std::vector<halftone::LayerTime> layers_of(const Timed& timed, const Peak& peak) {
  std::vector<halftone::LayerTime> layers;
  const std::vector<double> medians = timed.step_medians();
  for (size_t i = 0; i < medians.size(); ++i) {
    const Step& step = timed.network.plan().steps[i];
    const std::string_view kernel = timed.network.placement().steps()[i]->kernel();
    layers.push_back({step.node, step.op, medians[i] * kMilliseconds, step.macs, std::string(kernel), peak.share(kernel, step.macs, medians[i]), {}});
  }
  return layers;
}

std::vector<halftone::LayerTime> compared_layers(const Timed& timed, const Timed& other, const Peak& peak) {
  std::vector<halftone::LayerTime> layers;
  for (const LayerPair& pair : pair_layers(timed, other))
    layers.push_back({pair.node, pair.op, pair.seconds * kMilliseconds, pair.macs, pair.kernel, peak.share(pair.kernel, pair.macs, pair.seconds),
                      pair.other * kMilliseconds});
  return layers;
}

// A model to compare with, ready to run.
struct Compared {
  halftone::Model model;
  std::shared_ptr<const Network> network;
};

Result<std::optional<Compared>> load_compared(const std::filesystem::path& path, const halftone::LoadOptions& how, int threads, const Context& context) {
  if (path.empty()) return std::optional<Compared>();
  HT_ASSIGN(halftone::Model model, halftone::Model::load(path, how, context));
  auto network = Network::make(model.content().graph, model.is_quantized(), context.isa, threads);
  if (!network) return std::move(network.error()).in(path.string());
  return std::optional(Compared{std::move(model), *std::move(network)});
}

}  // namespace
}  // namespace ht

namespace halftone {

Result<BenchResult> bench(const std::filesystem::path& path, const BenchOptions& options, const Context& context) {
  BenchResult result;
  result.threads = ht::resolve_threads(context.threads);
  LoadOptions how;
  how.input_shape = options.input_shape;
  const ht::Stopwatch load;
  HT_ASSIGN(const Model model, Model::load(path, how, context));
  HT_ASSIGN(const auto network, ht::Network::make(model.content().graph, model.is_quantized(), context.isa, result.threads,
                                                  ht::tuned_kernels(model.content().hash, result.threads, context)));
  ht::Runner runner(*network, result.threads);
  result.load_ms = load.seconds() * ht::kMilliseconds;
  ht::Timed timed(model.content().graph, *network, std::move(runner));
  const ht::Stopwatch first;
  HT_TRY(timed.runner.run(timed.inputs, timed.outputs));
  result.first_run_ms = first.seconds() * ht::kMilliseconds;
  HT_ASSIGN(const auto other, ht::load_compared(options.compare, how, result.threads, context));
  std::optional<ht::Timed> other_timed;
  std::vector<ht::Timed*> in_turns = {&timed};
  if (other) in_turns.push_back(&other_timed.emplace(other->model.content().graph, *other->network, result.threads));
  HT_TRY(ht::time_in_turns(in_turns, options.runs, options.per_layer || other, context));
  result.isa = network->isa();
  result.runs = static_cast<int64_t>(timed.runs.size());
  result.median_ms = ht::quantile(timed.runs, 0.5) * ht::kMilliseconds;
  result.min_ms = ht::quantile(timed.runs, 0) * ht::kMilliseconds;
  result.p90_ms = ht::quantile(timed.runs, 0.9) * ht::kMilliseconds;
  result.arena_bytes = network->placement().arena_bytes();
  for (const ht::Step& step : network->plan().steps) {
    result.macs += step.macs;
    result.conversions += step.is_conversion ? 1 : 0;
  }
  if (other_timed) result.compared_median_ms = ht::quantile(other_timed->runs, 0.5) * ht::kMilliseconds;
  if (options.per_layer || other_timed) {
    const ht::Peak peak(context.isa, result.threads);
    result.layers = other_timed ? ht::compared_layers(timed, *other_timed, peak) : ht::layers_of(timed, peak);
  }
  result.peak_rss_bytes = ht::peak_rss_bytes();
  return result;
}

}  // namespace halftone
