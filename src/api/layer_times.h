// SPDX-License-Identifier: Apache-2.0
// How long networks and their layers take.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "api/network.h"
#include "halftone/context.h"
#include "ir/graph.h"

namespace ht {

// Random inputs of a network, floats from 0 to 1; latency does not depend on them, but nothing may become a number that is slow
// to compute with, as sigmoids do where pixels up to 255 enter a network of normalised inputs.
std::vector<Tensor> some_inputs(const Graph& graph);

// A network that is timed, and its times in seconds.
struct Timed {
  Timed(const Graph& graph, const Network& network, int threads);
  Timed(const Graph& graph, const Network& network, Runner runner);

  const Graph& graph;
  const Network& network;
  Runner runner;
  std::vector<Tensor> inputs, outputs;
  std::vector<double> runs;
  std::vector<std::vector<double>> steps;  // of each of the plan's steps, by run, where steps are timed

  std::vector<double> step_medians() const;
};

// Runs each of the networks in turn, `runs` times or, where that is 0, as often as fits into about two seconds each.
Status time_in_turns(std::span<Timed* const> networks, int64_t runs, bool per_step, const Context& context);

// The value that the share of the times is not above.
double quantile(std::vector<double> times, double share);

// A layer of one network with what takes its place in another one, whose steps were timed in turns.
struct LayerPair {
  std::string node, op, kernel;  // of the first; the kernel that takes longest
  int64_t macs = 0;
  double seconds = 0, other = 0;  // medians
};

// The nodes that both networks compute, in the first one's order. Steps of nodes that only one computes, as those of an activation that
// the other computes with its convolution, count for the node that makes their first input.
std::vector<LayerPair> pair_layers(const Timed& network, const Timed& other);

}  // namespace ht
