// SPDX-License-Identifier: Apache-2.0
// Float execution: a plan of float steps whose convolutions and matrix products oneDNN computes. It is the baseline of
// validation and what calibration observes; its bits differ between instruction sets.
#pragma once

#include <memory>
#include <string>

#include "ir/graph.h"
#include "runtime/session.h"

namespace ht {

// A float network ready to run, its weights in the form that this machine multiplies fastest; shared by executors.
class FloatProgram {
 public:
  // Quantized types in the graph are taken as what their integers stand for. `isa` caps oneDNN for the whole process; an error
  // where oneDNN already computes with more.
  // Each executor of the program uses so many threads: oneDNN splits the work when the program is made.
  static Result<std::shared_ptr<const FloatProgram>> make(const Graph& graph, Isa isa, int threads);

  const std::shared_ptr<const Placement>& placement() const { return placement_; }
  int threads() const { return threads_; }
  // What oneDNN uses, e.g. "avx512_core_vnni"; recorded in statistics.
  static Result<std::string> isa_name();

 private:
  FloatProgram() = default;
  std::shared_ptr<const Placement> placement_;
  int threads_ = 1;
};

// A session over the program. With more than one thread, oneDNN's own threads do the work.
class FloatExecutor {
 public:
  explicit FloatExecutor(const FloatProgram& program);
  Session& session() { return session_; }
  // As Session's.
  Result<std::vector<Tensor>> run(std::span<const Tensor> inputs);
  Status run(std::span<const Tensor> inputs, std::vector<Tensor>& outputs);
  void compute();

 private:
  Session session_;
  int threads_;
};

}  // namespace ht
