// SPDX-License-Identifier: Apache-2.0
// What this device makes of a plan: which kernel runs each step, weights packed for it, where values lie in memory.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "plan/plan.h"

namespace ht {

// A part of a step: units, and of the output channels, where a kernel may compute some alone, these blocks.
struct StepPart {
  int32_t begin = 0, end = 0;
  int32_t first_block = 0, last_block = 0;  // both 0: all channels
};

// A step bound to the kernel that runs it. Immutable and shared by sessions.
class PlacedStep {
 public:
  virtual ~PlacedStep() = default;
  virtual std::string_view kernel() const = 0;  // "conv.avx512vnni"
  virtual int32_t units() const = 0;
  virtual size_t scratch_bytes() const = 0;  // for each thread
  virtual size_t packed_bytes() const {
    return 0;
  }  // weights, of which each call of run() reads those of its output channels whole
  virtual int32_t channel_blocks() const { return 1; }  // of output channels, that run() may compute alone; 1: only all
  virtual void run(const ht_arguments& arguments, const StepPart& part) const = 0;
};

// May run a step in another way than the kernel lists do; null where it does not.
using StepProvider = std::function<std::unique_ptr<PlacedStep>(const Plan& plan, const Step& step)>;

// Names of the kernels that may run a step on this machine, the one that the kernel lists prefer first.
std::vector<std::string_view> kernels_for(const Step& step, Isa isa);

class Placement {
 public:
  // Kernels of at most this instruction set; the provider, where there is one, is asked first. `kernels` may name one for each
  // step; a name that may not run its step counts for nothing.
  static std::shared_ptr<const Placement> make(std::shared_ptr<const Plan> plan, Isa isa, const StepProvider& provider = {},
                                               std::span<const std::string> kernels = {});

  const Plan& plan() const { return *plan_; }
  const std::vector<std::unique_ptr<PlacedStep>>& steps() const { return steps_; }
  // Position in the arena of a buffer that is neither a constant nor an alias.
  int64_t offset(BufferId buffer) const { return offsets_[buffer.index]; }
  int64_t arena_bytes() const { return arena_bytes_; }
  size_t scratch_bytes() const { return scratch_bytes_; }  // of the hungriest step, for each thread
  // units_until_function() of each step.
  const std::vector<int32_t>& units_until_function() const { return units_until_function_; }

  struct Finished {
    BufferId buffer;
    size_t step;
  };
  // The graph's values by the step after which each is complete, in the order of steps; constants are not among them.
  const std::vector<Finished>& finished() const { return finished_; }
  // Inputs of the graph and what is only another shape of one: complete before the first step.
  const std::vector<BufferId>& given() const { return given_; }

 private:
  Placement() = default;
  void find_finished();
  void place_buffers();

  std::shared_ptr<const Plan> plan_;
  std::vector<std::unique_ptr<PlacedStep>> steps_;
  std::vector<int32_t> units_until_function_;
  std::vector<int64_t> offsets_;
  std::vector<Finished> finished_;
  std::vector<BufferId> given_;
  int64_t arena_bytes_ = 0;
  size_t scratch_bytes_ = 0;
};

}  // namespace ht
