// SPDX-License-Identifier: Apache-2.0
// Trials of a float network on photos: what parts of it in integers do to its heads.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "api/measurements.h"
#include "api/network.h"
#include "api/samples.h"
#include "halftone/model.h"
#include "quantize/sensitivity.h"

namespace ht {

// Rounds values of float runs, each to the grid of its type, as soon as they are made; for Network::observed_by().
Session::Observer rounding_observer(const std::map<std::string, TensorType>& grids);

// The float network with parts that compute as in integers. `base` is the float graph's network, which it may share.
Result<std::shared_ptr<const Network>> trial_network(const Graph& graph, const std::shared_ptr<const Network>& base, const Trial& trial, Isa isa);

// Hash of all that a trial puts into the float graph.
std::string trial_hash(const Trial& trial);

// A photo, or arrays, as the network reads it.
struct TrialPhoto {
  std::vector<Tensor> inputs;
  std::string hash;  // of the file
};

// Measures trials on photos, once: what the store has is not measured again.
class TrialBench {
 public:
  // `network` is the float graph's; `origin` says which graph that is, what computes, and what made the photos' inputs of their files. All
  // references must outlive it; no store: all is measured.
  TrialBench(const Graph& graph, std::shared_ptr<const Network> network, std::string origin, std::vector<TrialPhoto> photos, Measurements* store,
             const Context& context);

  // As MeasureTrials says; of an output [1, N, C] or [1, C, N] of the graph that no product makes, each of the C < N columns counts alike, in
  // units of its own mean square or of the columns' median, where that is greater. Tells the context how many are done as this stage.
  Result<std::vector<double>> measure(std::span<const Trial> trials, std::span<const std::string> heads, std::string_view stage = "measure");

 private:
  struct Head {
    std::vector<float> elements;     // in memory's order
    size_t columns = 1, inner = 1;  // element i is of column i / inner % columns
  };
  using Heads = std::vector<Head>;
  static double mean_column_error(const Head& head, const Head& exact);
  Status prepare(std::span<const std::string> heads);
  Result<Heads> run_photo(Runner& runner, const Network& network, const TrialPhoto& photo, std::span<const std::string> heads) const;
  Result<double> run_trial(const Trial& trial, std::span<const std::string> heads);
  std::string key_of(const Trial& trial, std::span<const std::string> heads) const;

  const Graph& graph_;
  std::string origin_;
  std::vector<TrialPhoto> photos_;
  Measurements* store_;
  const Context& context_;
  std::shared_ptr<const Network> base_;
  std::set<std::string> decoded_;   // outputs of the graph that no product makes
  std::vector<std::string> heads_;  // of which `exact_` are
  std::vector<Heads> exact_;        // of each photo
  std::mutex making_;               // oneDNN's programs are made by one thread at a time
};

// Samples [first, last), `count` of them at most, evenly spread. Unreadable ones may be left out.
Result<std::vector<TrialPhoto>> read_trial_photos(const Samples& samples, int64_t first, int64_t last, int64_t count, bool skip_bad);

// A few of the recipe's [calibration], which is there, evenly spread.
Result<std::vector<TrialPhoto>> read_few_photos(const Graph& graph, const halftone::Recipe& recipe, bool skip_bad);

// Measures on a few photos of the recipe's [calibration], which is there. All of it must outlive the function that is returned.
MeasureTrials measure_on_photos(const halftone::Model& model, const halftone::Recipe& recipe, bool skip_bad, const Context& context);

}  // namespace ht
