// SPDX-License-Identifier: Apache-2.0
#include "runtime/tune.h"

#include <algorithm>

#include "runtime/session.h"

namespace ht {
namespace {

constexpr size_t kMostKernels = 3;  // of a step; those behind them have never been faster
constexpr int kRounds = 7;

// A session in which every step runs by the kernel of one rank, or by its last one where it has not as many.
struct Trial {
  Session session;
  std::vector<std::string> kernels;
  std::vector<std::vector<double>> seconds;  // by round, of each step
};

Trial make_trial(const std::shared_ptr<const Plan>& plan, Isa isa, int threads, size_t rank) {
  std::vector<std::string> kernels;
  for (const Step& step : plan->steps) {
    const auto names = kernels_for(step, isa);
    kernels.emplace_back(names[std::min(rank, names.size() - 1)]);
  }
  Session session(Placement::make(plan, isa, {}, kernels), threads);
  for (size_t i = 0; i < plan->inputs.size(); ++i) {
    const Buffer& buffer = plan->buffer(plan->inputs[i]);
    const Tensor zeros = Tensor::zeros(buffer.declared(), buffer.shape);
    // Its own type and shape, so it fits.
    static_cast<void>(session.set_input(i, zeros.dtype(), zeros.shape(), zeros.bytes()));
  }
  return {std::move(session), std::move(kernels), {}};
}

double median_of_step(const Trial& trial, size_t step) {
  std::vector<double> times;
  for (const auto& round : trial.seconds) times.push_back(round[step]);
  std::ranges::nth_element(times, times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2));
  return times[times.size() / 2];
}

}  // namespace

std::vector<std::string> tune(const std::shared_ptr<const Plan>& plan, Isa isa, int threads) {
  size_t ranks = 1;
  for (const Step& step : plan->steps) ranks = std::max(ranks, std::min(kMostKernels, kernels_for(step, isa).size()));
  std::vector<Trial> trials;
  for (size_t rank = 0; rank < ranks; ++rank) trials.push_back(make_trial(plan, isa, threads, rank));
  for (int round = 0; round < kRounds; ++round)
    for (Trial& trial : trials) {
      trial.seconds.emplace_back();
      trial.session.set_profile(&trial.seconds.back());
      trial.session.compute();
      trial.session.set_profile(nullptr);
    }
  std::vector<std::string> fastest;
  for (size_t step = 0; step < plan->steps.size(); ++step) {
    const auto best = std::ranges::min_element(trials, {}, [&](const Trial& trial) { return median_of_step(trial, step); });
    fastest.push_back(best->kernels[step]);
  }
  return fastest;
}

}  // namespace ht
