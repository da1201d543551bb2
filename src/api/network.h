// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <variant>

#include "executor/executor.h"
#include "runtime/session.h"

namespace ht {

// A network made ready for this machine, in float or in integers; shared by runners.
class Network {
 public:
  static Result<std::shared_ptr<const Network>> make(const Graph& graph, bool in_integers, Isa isa, int threads);

  bool in_integers() const { return program_ == nullptr; }
  const Placement& placement() const { return *placement_; }
  const Plan& plan() const { return placement_->plan(); }
  int threads() const { return threads_; }  // of each runner
  std::string isa() const { return isa_; }  // what computes

 private:
  friend class Runner;
  std::shared_ptr<const FloatProgram> program_;  // in float only
  std::shared_ptr<const Placement> placement_;
  std::string isa_;
  int threads_ = 1;
};

// Runs a network, one run at a time.
class Runner {
 public:
  explicit Runner(const Network& network);

  Session& session();
  // Inputs and outputs in the graph's order.
  Result<std::vector<Tensor>> run(std::span<const Tensor> inputs);

 private:
  std::variant<FloatExecutor, Session> how_;
};

}  // namespace ht
