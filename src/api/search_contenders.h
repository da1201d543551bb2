// SPDX-License-Identifier: Apache-2.0
// Whole models that a search tries.
#pragma once

#include <map>
#include <optional>

#include "api/search_space.h"
#include "api/validation.h"

namespace ht {

// A choice of options with all that was measured of it.
struct Contender {
  Picks picks;
  halftone::Recipe recipe;      // that gives it; settled
  int64_t bytes = 0;
  double seconds = 0;            // of a run, where the subject is timed
  double error = 0;              // of the heads
  std::optional<double> figure = {};  // AP or top-1, where there are labels
  std::optional<double> drop = {};    // points of it
};

// By so many points may drops that a few hundred photos tell differ where nothing else tells which contender is better.
inline constexpr double kAlikeDrops = 0.5;

// The least error of heads among those of these contenders (one at least) whose drop is at most kAlikeDrops above the least; of
// all where no drop is known.
size_t nearest_contender(const std::vector<Contender>& contenders, const std::vector<size_t>& among);

// Measures contenders, each once: what was kept is not measured again. The space must outlive it.
class Contenders {
 public:
  // Of labelled photos the first `limit` count.
  Contenders(const SearchSubject& subject, const SearchSpace& space, std::optional<int64_t> limit);

  Result<QuantizedGraph> quantize(const halftone::Recipe& recipe) const;

  Result<int64_t> bytes_of(const Picks& picks);
  // 0 where the subject is not timed.
  Result<double> seconds_of(const Picks& picks);
  // All of it.
  Result<Contender> measure(const Picks& picks);
  // Of the whole network in weights of 4 bits in groups, of which `quantize` itself finds those that keep 8, as long as all weights have at most
  // so many bits on average. None where that cannot be, as with 4 bits or fewer, or 8 or more.
  Result<std::optional<Contender>> measure_average(double most_bits);
  // Of the float model, once a contender was judged.
  std::optional<double> float_figure() const { return float_figure_; }

 private:
  // A choice with what is known of it without a look at many photos.
  struct Sketch {
    Picks picks;
    int64_t bytes = 0;
  };

  halftone::Recipe recipe_of(const Picks& picks) const;
  Result<QuantizedGraph> sketch(const halftone::Recipe& recipe) const;
  Result<std::optional<Sketch>> sketch_of_average(const halftone::Recipe& recipe);
  std::string key_of(const halftone::Recipe& recipe) const;
  Result<double> seconds_of(const halftone::Recipe& recipe);
  Status judge(Contender& contender);
  Result<double> head_error(const QuantizedGraph& quantized) const;
  Result<Validation> judge(Graph graph, bool is_quantized) const;
  Status judge_float();

  const SearchSubject& subject_;
  const SearchSpace& space_;
  Measurements& store_;
  std::optional<int64_t> limit_;
  std::string photos_;  // what an error depends on besides the network
  std::string labels_;  // what a figure depends on besides the network, once the float model was judged
  std::optional<double> float_figure_;
  std::map<Picks, int64_t> bytes_;
  std::map<std::string, double> seconds_;  // by key
};

}  // namespace ht
