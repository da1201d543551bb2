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
  int64_t bytes = 0;
  double seconds = 0;            // of a run, where the subject is timed
  double error = 0;              // of the heads
  std::optional<double> figure = {};  // AP or top-1, where there are labels
  std::optional<double> drop = {};    // points of it
};

// Measures contenders, each once: what was kept is not measured again. The space must outlive it.
class Contenders {
 public:
  // Of labelled photos the first `limit` count.
  Contenders(const SearchSubject& subject, const SearchSpace& space, std::optional<int64_t> limit);

  halftone::Recipe recipe_of(const Picks& picks) const;  // settled
  Result<QuantizedGraph> quantize(const Picks& picks) const;

  Result<int64_t> bytes_of(const Picks& picks);
  // 0 where the subject is not timed.
  Result<double> seconds_of(const Picks& picks);
  // All of it.
  Result<Contender> measure(const Picks& picks);
  // Of the float model, once a contender was judged.
  std::optional<double> float_figure() const { return float_figure_; }

 private:
  Result<QuantizedGraph> sketch(const Picks& picks) const;
  std::string key_of(const Picks& picks) const;
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
  std::map<Picks, double> seconds_;
};

}  // namespace ht
