// SPDX-License-Identifier: Apache-2.0
#include "quantize/balance.h"

#include <algorithm>
#include <cmath>

#include "quantize/roles.h"

namespace ht {
namespace {

// Of the variance of rounding to steps that just cover the greatest weight: what is left when the steps are searched and later weights
// take up the errors of earlier ones.
constexpr double kWeightErrorShare = 0.5;

struct Balance {
  explicit Balance(size_t classes) : activations(classes), weights(classes) {}
  std::vector<double> activations, weights;  // A and B of each class, summed over readers
  double error = 0;
};

// Adds the reader's share with these steps.
void add_reader(const Graph& graph, const AbsorbingReader& reader, const std::vector<double>& steps, Balance& balance) {
  const auto& conv = std::get<Conv>(reader.node->op);
  const Value& weights = graph.value(reader.node->inputs[1]);
  const auto values = weights.constant->data<float>();
  const int64_t outputs = weights.type.shape[0], per_group = weights.type.shape[1];
  const int64_t taps = static_cast<int64_t>(values.size()) / std::max<int64_t>(1, outputs * per_group);
  const bool shares_step = !is_depthwise(graph, *reader.node);
  std::vector<double> squares(static_cast<size_t>(per_group));
  for (int64_t o = 0; o < outputs; ++o) {
    const auto first = static_cast<size_t>(o / (outputs / conv.groups) * per_group);
    const float* row = values.data() + o * per_group * taps;
    double greatest = 0;
    for (size_t i = 0; i < squares.size(); ++i) {
      squares[i] = 0;
      for (int64_t t = 0; t < taps; ++t, ++row) {
        squares[i] += static_cast<double>(*row) * *row;
        greatest = std::max(greatest, std::abs(*row) * steps[reader.classes[first + i]]);
      }
    }
    const double share = 1 / reader.powers[static_cast<size_t>(o)];
    const double weight_step = shares_step ? greatest / reader.weight_steps : 0;
    for (size_t i = 0; i < squares.size(); ++i) {
      const size_t k = reader.classes[first + i];
      const double energy = reader.energies[first + i], square_step = steps[k] * steps[k];
      const double activations = share * squares[i];
      const double scaled_weights = share * kWeightErrorShare * weight_step * weight_step * energy * static_cast<double>(taps);
      balance.activations[k] += activations;
      balance.weights[k] += scaled_weights;
      // A step beyond what a channel holds rounds it to zero, whose error is the channel's energy.
      balance.error += activations * std::min(square_step / 12, energy) + scaled_weights / (12 * square_step);
    }
  }
}

double error_of(const Graph& graph, const AbsorbingReader& reader, const std::vector<double>& steps) {
  Balance balance(steps.size());
  add_reader(graph, reader, steps, balance);
  return balance.error;
}

}  // namespace

BalancedSteps balance_steps(const Graph& graph, const std::vector<AbsorbingReader>& readers, const std::vector<double>& least, double one_step) {
  // B depends on the steps through the greatest scaled weight, but slowly: a few rounds settle it.
  constexpr int kRounds = 6;
  BalancedSteps result{least, INFINITY, 0};
  for (int round = 0; round < kRounds; ++round) {
    Balance balance(least.size());
    for (const AbsorbingReader& reader : readers) add_reader(graph, reader, result.steps, balance);
    for (size_t k = 0; k < least.size(); ++k) {
      if (balance.activations[k] > 0) result.steps[k] = std::max(least[k], std::pow(balance.weights[k] / balance.activations[k], 0.25));
    }
  }
  const std::vector<double> same(least.size(), one_step);
  for (const AbsorbingReader& reader : readers) {
    const double gain = error_of(graph, reader, same) / error_of(graph, reader, result.steps);
    result.least_gain = std::min(result.least_gain, gain);
    result.greatest_gain = std::max(result.greatest_gain, gain);
  }
  return result;
}

}  // namespace ht
