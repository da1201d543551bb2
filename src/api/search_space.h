// SPDX-License-Identifier: Apache-2.0
// What each layer of a network may be in a search for its bits, and what that costs.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/quantize.h"
#include "api/sensitivity.h"

namespace ht {

// What a search measures on, and where it keeps it. All of it must outlive those who look at it.
struct SearchSubject {
  const halftone::Model& model;
  const halftone::Recipe& recipe;  // settled
  const Statistics& seen;
  PhotoLooks looks;
  Sensitivity& sensitivity;
  std::string origin;   // what every measurement depends on: model, data, preprocessing, settings
  std::string machine;  // what latencies depend on besides
  bool timed = true;    // whether latency on this machine says anything about the target
  const Context& context;
};

struct LayerOption {
  LayerBits bits;      // of weights and inputs; neither: float
  double error = 0;    // that this layer alone makes of the heads
  double seconds = 0;  // of a run, where the subject is timed
  int64_t bytes = 0;   // of its constants in a file
  std::optional<IntegerLayer> integers = {};  // what the layer computes then; none: float
};

// A product with constant weights.
struct SearchLayer {
  std::string node, op;
  int64_t weights = 0;               // how many
  std::vector<LayerOption> options;  // no two with the same bits
};

// An option for each layer.
using Picks = std::vector<size_t>;

// What budgets are for. Float weights count 32 bits.
enum class Cost { kBytes, kSeconds, kWeightBits };

struct SearchSpace {
  std::vector<SearchLayer> layers;
  double seconds = 0;       // of all else
  int64_t bytes = 0;        // of all else
  int64_t weights = 0;      // of products that stay in float whatever is chosen
  std::string fingerprint;  // of the networks that it was measured with
  Picks plain;              // the options with the bits that [quantize] asks for

  double cost_of_rest(Cost cost) const;
  double cost(const Picks& picks, Cost cost) const;  // of all
  int64_t all_weights() const;                       // how many
  double average_bits(const Picks& picks) const;
};

double cost_of(const SearchLayer& layer, const LayerOption& option, Cost cost);

// [quantize] with rules that give the layers these bits and keep all others from becoming float. The recipe's own rules have the last word.
halftone::QuantizeSettings settings_of(const Configuration& layers, const halftone::QuantizeSettings& settings);
Configuration configuration_of(const SearchSpace& space, const Picks& picks);

// [quantize] where `quantize` itself finds which layers have 8 bits beside those that have 4, in groups.
halftone::QuantizeSettings settings_of_average(double bits, const halftone::QuantizeSettings& settings);

// The options with these bits; none where a layer has no such option.
std::optional<Picks> picks_of(const SearchSpace& space, const Configuration& layers);

// Bits of each layer as they came out in a graph that was quantized; layers that stayed in float have none.
Configuration bits_in(const Graph& graph, const Graph& quantized);

// Measures each option of each layer.
Result<SearchSpace> measure_space(const SearchSubject& subject);

}  // namespace ht
