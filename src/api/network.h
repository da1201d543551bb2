// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include "executor/executor.h"
#include "runtime/session.h"

namespace ht {

using ChooseKernels = std::function<std::vector<std::string>(const std::shared_ptr<const Plan>& plan)>;

// A network made ready for this machine, in float or in integers; shared by runners.
class Network {
 public:
  // oneDNN splits the work of a float network when it is made, so its runners have the number of threads given here.
  // `choose`, where there is one, names kernels for the steps of a network in integers.
  static Result<std::shared_ptr<const Network>> make(const Graph& graph, bool in_integers, Isa isa, int threads, const ChooseKernels& choose = {});

  // The same network whose runners start with this observer, which several threads call at once.
  std::shared_ptr<const Network> observed_by(Session::Observer observer) const;

  bool in_integers() const { return program_ == nullptr; }
  const Placement& placement() const { return *placement_; }
  const Plan& plan() const { return placement_->plan(); }
  std::string isa() const { return isa_; }  // what computes
  const Session::Observer& observer() const { return observer_; }

 private:
  friend class Runner;
  std::shared_ptr<const FloatProgram> program_;  // in float only
  std::shared_ptr<const Placement> placement_;
  std::string isa_;
  Session::Observer observer_;  // may be none
};

// The networks made of one graph that somebody holds, so that sessions of a model share their weights.
class Networks {
 public:
  // As Network::make; whichever thread asks.
  Result<std::shared_ptr<const Network>> get(const Graph& graph, bool in_integers, Isa isa, int threads, const ChooseKernels& choose = {});

 private:
  std::mutex mutex_;
  std::map<std::tuple<Isa, int, bool>, std::weak_ptr<const Network>> networks_;
};

// Runs a network, one run at a time.
class Runner {
 public:
  // `threads` of a network in integers; those of a float network are its own.
  explicit Runner(const Network& network, int threads = 1);

  Session& session();
  // Inputs and outputs in the graph's order.
  Result<std::vector<Tensor>> run(std::span<const Tensor> inputs);
  Status run(std::span<const Tensor> inputs, std::vector<Tensor>& outputs);  // as Session::run
  // What lies between Session::set_input() and read_output().
  void compute();

 private:
  std::variant<FloatExecutor, Session> how_;
};

}  // namespace ht
