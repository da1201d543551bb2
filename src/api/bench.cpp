// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "api/content.h"
#include "api/measure.h"
#include "base/thread_pool.h"
#include "halftone/operations.h"

namespace ht {
namespace {

constexpr double kSeconds = 2;
constexpr int64_t kLeastRuns = 20, kMostRuns = 100000, kWarmUps = 3;
constexpr double kMilliseconds = 1000;

// Values in the range of photos; latency does not depend on them, but nothing may overflow to slow special numbers.
Tensor some_input(const TensorType& type) {
  Tensor tensor = Tensor::zeros(type.dtype, type.shape);
  uint32_t state = 1;
  const auto next = [&state] { return (state = state * 1664525u + 1013904223u) >> 24; };
  if (type.dtype == DType::kFloat32) {
    for (float& x : tensor.mutable_data<float>()) x = static_cast<float>(next());
  } else if (dtype_size(type.dtype) == 1 && type.dtype != DType::kBool) {
    for (uint8_t& x : tensor.mutable_data<uint8_t>()) x = static_cast<uint8_t>(next());
  }
  return tensor;
}

// The value that the share of the times is not above.
double quantile(std::vector<double> times, double share) {
  const auto rank = static_cast<size_t>(std::ceil(share * static_cast<double>(times.size())));
  const size_t index = std::max<size_t>(rank, 1) - 1;
  std::nth_element(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(index), times.end());
  return times[index];
}

struct Times {
  std::vector<double> runs;
  std::vector<std::vector<double>> steps;  // by step, where layers are wanted
};

Result<Times> time_runs(Runner& runner, std::span<const Tensor> inputs, const halftone::BenchOptions& options, const Context& context) {
  Times times;
  for (int64_t i = 0; i < kWarmUps; ++i) {
    const Stopwatch watch;
    HT_TRY(runner.run(inputs));
    times.runs = {watch.seconds()};
  }
  const auto fitting = static_cast<int64_t>(kSeconds / std::max(times.runs[0], 1e-7));
  const int64_t count = options.runs > 0 ? options.runs : std::clamp(fitting, kLeastRuns, kMostRuns);
  times.runs.clear();
  std::vector<double> profile;
  if (options.per_layer) {
    runner.session().set_profile(&profile);
    times.steps.resize(profile.size());
  }
  for (int64_t i = 0; i < count; ++i) {
    if (context.is_cancelled()) return interrupted();
    std::ranges::fill(profile, 0.0);
    const Stopwatch watch;
    HT_TRY(runner.run(inputs));
    times.runs.push_back(watch.seconds());
    for (size_t step = 0; step < profile.size(); ++step) times.steps[step].push_back(profile[step]);
    context.progress("bench", i + 1, count);
  }
  runner.session().set_profile(nullptr);
  return times;
}

}  // namespace
}  // namespace ht

namespace halftone {

Result<BenchResult> bench(const std::filesystem::path& path, const BenchOptions& options, const Context& context) {
  const ht::Stopwatch load;
  HT_ASSIGN(const Model model, Model::load(path, {}, context));
  const ht::Graph& graph = model.content().graph;
  BenchResult result;
  result.threads = ht::resolve_threads(context.threads);
  HT_ASSIGN(const auto network, ht::Network::make(graph, model.is_quantized(), context.isa, result.threads));
  ht::Runner runner(*network);
  std::vector<ht::Tensor> inputs;
  for (ht::ValueId input : graph.inputs) inputs.push_back(ht::some_input(graph.value(input).type));
  HT_TRY(runner.run(inputs));
  result.load_ms = load.seconds() * ht::kMilliseconds;
  HT_ASSIGN(const ht::Times times, ht::time_runs(runner, inputs, options, context));
  result.isa = network->isa();
  result.runs = static_cast<int64_t>(times.runs.size());
  result.median_ms = ht::quantile(times.runs, 0.5) * ht::kMilliseconds;
  result.min_ms = ht::quantile(times.runs, 0) * ht::kMilliseconds;
  result.p90_ms = ht::quantile(times.runs, 0.9) * ht::kMilliseconds;
  result.arena_bytes = network->placement().arena_bytes();
  const auto& steps = network->plan().steps;
  for (size_t i = 0; i < steps.size(); ++i) {
    result.macs += steps[i].macs;
    result.conversions += steps[i].is_conversion ? 1 : 0;
    if (!options.per_layer) continue;
    result.layers.push_back({steps[i].node, steps[i].op, ht::quantile(times.steps[i], 0.5) * ht::kMilliseconds, steps[i].macs,
                             std::string(network->placement().steps()[i]->kernel())});
  }
  result.peak_rss_bytes = ht::peak_rss_bytes();
  return result;
}

}  // namespace halftone
