// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "ir/tensor.h"
#include "runtime/placement.h"

namespace ht {

// Runs task(index, worker) for all indices below count on some workers, and returns when all are done.
using ParallelFor = std::function<void(int64_t count, const std::function<void(int64_t index, int worker)>& task)>;

// One network ready to run: a placement, its memory and its threads. Not for use by two threads at once; sessions of one
// placement share its weights. Results do not depend on the number of threads.
class Session {
 public:
  Session(std::shared_ptr<const Placement> placement, int threads);
  // With the threads of someone else, of which there are `threads`.
  Session(std::shared_ptr<const Placement> placement, int threads, ParallelFor parallel);
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;
  ~Session();

  const Placement& placement() const { return *placement_; }
  const Plan& plan() const { return placement_->plan(); }

  // Called with every value of the graph when it is made, in its memory layout and without gaps. What it writes there is what later steps read.
  using Observer = std::function<void(const Buffer& buffer, std::span<uint8_t> bytes)>;
  void set_observer(Observer observer) { observer_ = std::move(observer); }
  // Adds each step's seconds to the vector, which is made as long as there are steps.
  void set_profile(std::vector<double>* seconds);

  // Inputs in the graph's order, plain, of the declared types and shapes; outputs likewise.
  Result<std::vector<Tensor>> run(std::span<const Tensor> inputs);
  // The same into tensors that nobody shares, whose memory is used again where they are those of an earlier run.
  Status run(std::span<const Tensor> inputs, std::vector<Tensor>& outputs);
  // The same by parts, which allocate nothing: every input, the computation, and any of its outputs, whose bytes must be as many as it has.
  Status set_input(size_t index, DType dtype, const Shape& shape, std::span<const uint8_t> bytes);
  // lend_input: set_input without a copy where that is possible; the bytes must stay as they are until the outputs have been read.
  Status lend_input(size_t index, DType dtype, const Shape& shape, std::span<const uint8_t> bytes);
  // lend_output: the next computation writes that output there, where that is possible and no lent input lies there; read_output() of the
  // same bytes has to follow.
  void lend_output(size_t index, std::span<uint8_t> bytes);
  void compute();
  void read_output(size_t index, std::span<uint8_t> bytes);

 private:
  Status check_input(size_t index, DType dtype, const Shape& shape) const;
  const uint8_t* bytes_of(BufferId id) const;
  uint8_t* memory_of(BufferId id) const;
  bool is_alone(BufferId output) const;
  bool holds_input(std::span<const uint8_t> bytes) const;
  void run_part(size_t index, int worker, const StepPart& part);
  void run_units_and_function(size_t index, int worker, int64_t begin, int64_t end, int64_t grain);
  struct Cut;
  Cut cut(size_t index, int64_t grain);
  void run_step(size_t index, int64_t grain);
  void observe(BufferId id);

  struct Aligned;
  std::shared_ptr<const Placement> placement_;
  std::unique_ptr<ThreadPool> pool_;
  ParallelFor parallel_;
  int threads_;
  std::unique_ptr<Aligned> arena_, scratch_;
  std::vector<Cut> cuts_;               // of each step, where threads find them unchanged
  std::vector<bool> needs_copy_;        // of each buffer that is no alias: a step writes it, or it is an output as well
  std::vector<bool> can_be_lent_;       // of each output
  std::vector<const uint8_t*> lent_;    // memory of a buffer that is the caller's to read; null: it lies elsewhere
  std::vector<uint8_t*> lent_outputs_;  // the same, to be written
  Observer observer_;
  std::vector<double>* profile_ = nullptr;
};

}  // namespace ht
