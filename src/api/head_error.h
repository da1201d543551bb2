// SPDX-License-Identifier: Apache-2.0
// What integers make of a network's heads.
#pragma once

#include <string>
#include <vector>

#include "halftone/model.h"
#include "ir/graph.h"

namespace ht {

// The heads of the recipe's float model on a few photos of its [calibration], which is there.
class HeadError {
 public:
  // `heads` are values of the float graph, and there is at least one.
  static Result<HeadError> make(const halftone::Model& model, const halftone::Recipe& recipe, std::vector<std::string> heads, bool skip_bad,
                                const Context& context);

  // The mean over heads and photos of a head's squared error in units of its mean square.
  // Fails where the network does not compute the heads as floats.
  Result<double> of(const Graph& quantized) const;

 private:
  using Heads = std::vector<std::vector<float>>;  // their elements
  Result<Heads> run(Graph graph, bool in_integers, const std::vector<Tensor>& inputs) const;

  std::vector<std::string> names_;
  std::vector<std::vector<Tensor>> inputs_;  // of each photo
  std::vector<Heads> exact_;
  Isa isa_ = Isa::kBest;
  int threads_ = 1;
};

}  // namespace ht
