// SPDX-License-Identifier: Apache-2.0
// A scale a channel on values whose readers' weights absorb it: W x = (W s) (x / s), s the scales of the channels.
#pragma once

#include <vector>

#include "ir/graph.h"

namespace ht {

// A convolution that reads a value whose channels belong to classes that share a step.
struct AbsorbingReader {
  const Node* node = nullptr;
  std::vector<size_t> classes;   // of each input channel
  std::vector<double> energies;  // mean square of each input channel
  std::vector<double> powers;    // variance of each output, all above 0
  double weight_steps = 127;     // on either side of zero
};

struct BalancedSteps {
  std::vector<double> steps;  // of each class, none below the least
  // Error power of the readers' outputs in units of the outputs' variance, with one step for all classes over that with these
  // steps, of the reader that gains least and of the one that gains most.
  double least_gain = 0, greatest_gain = 0;
};

// Small steps round the activations finely, but the weights W s of one output share a step, and small s makes what it rounds off
// count for more. With A the sum of squared weights on a channel and B the error that its energy makes of the weights' rounding,
// both in units of the outputs' variance, the error is A s^2 + B / s^2, least at s = (B / A)^(1/4); depthwise weights do not share a
// step, so B = 0 there. `least` are the steps at which nothing is clipped; there is at least one reader.
BalancedSteps balance_steps(const Graph& graph, const std::vector<AbsorbingReader>& readers, const std::vector<double>& least, double one_step);

}  // namespace ht
