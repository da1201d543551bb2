// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstring>
#include <map>

#include "net.h"
#include "ops/prepare.h"
#include "plan/arena.h"
#include "plan/elide_copies.h"
#include "runtime/session.h"

namespace ht {

inline std::shared_ptr<const Plan> plan_of(const Net& net) {
  auto plan = make_plan(net.graph);
  EXPECT_TRUE(plan) << plan.error().text();
  elide_copies(*plan);
  return std::make_shared<const Plan>(*std::move(plan));
}

// Runs a plan in one arena as a bundle does: the normative kernels, one call a step, scratch memory inside of the arena.
class Bundle {
 public:
  Bundle(std::shared_ptr<const Plan> plan, ArenaOptions options) : plan_(std::move(plan)), placement_(Placement::make(plan_, Isa::kC)) {
    options.scratch_bytes = [&](const Step& step) { return scratch_of(step); };
    arena = plan_arena(*plan_, options);
    memory_.assign(static_cast<size_t>(arena.bytes) + kGuard, kGuardByte);
    for (size_t i = 0; i < plan_->buffers.size(); ++i)
      if (arena.offsets[i] == ArenaPlan::kElsewhere && !plan_->buffers[i].constant) own_[i].resize(static_cast<size_t>(plan_->buffers[i].bytes()) + 1);
  }

  std::vector<Tensor> run(const std::vector<Tensor>& inputs) {
    for (size_t i = 0; i < inputs.size(); ++i) std::ranges::copy(inputs[i].bytes(), memory_of(plan_->inputs[i]));
    for (size_t index : arena.order) {
      if (before_step) before_step(index);
      const Step& step = plan_->steps[index];
      ht_arguments arguments{};
      for (size_t k = 0; k < step.inputs.size(); ++k) arguments.inputs[k] = memory_of(step.inputs[k]);
      arguments.output = memory_of(step.output);
      if (arena.scratch[index] != ArenaPlan::kElsewhere) arguments.scratch = memory_.data() + arena.scratch[index];
      if (arguments.scratch) std::memset(arguments.scratch, 0x5a, static_cast<size_t>(scratch_of(step)));
      placement_->steps()[index]->run(arguments, {0, placement_->steps()[index]->units()});
    }
    std::vector<Tensor> outputs;
    for (BufferId id : plan_->outputs) {
      outputs.push_back(Tensor::zeros(plan_->buffer(id).declared(), plan_->buffer(id).shape));
      std::memcpy(outputs.back().mutable_data<uint8_t>().data(), memory_of(id), static_cast<size_t>(plan_->buffer(id).bytes()));
    }
    return outputs;
  }

  bool guard_holds() const {
    return std::all_of(memory_.end() - kGuard, memory_.end(), [](uint8_t byte) { return byte == kGuardByte; });
  }
  int64_t scratch_of(const Step& step) const {
    return static_cast<int64_t>(placement_->steps()[static_cast<size_t>(&step - plan_->steps.data())]->scratch_bytes());
  }

  ArenaPlan arena;
  std::function<void(size_t step)> before_step;

  uint8_t* memory_of(BufferId id) {
    const BufferId root = plan_->root(id);
    const Buffer& buffer = plan_->buffer(root);
    uint8_t* memory = memory_.data() + std::max<int64_t>(arena.offsets[root.index], 0);
    if (const auto own = own_.find(root.index); own != own_.end()) memory = own->second.data();
    if (buffer.constant) memory = const_cast<uint8_t*>(buffer.constant->data());
    return memory + plan_->buffer(id).region.offset * dtype_size(buffer.dtype);
  }

 private:
  static constexpr size_t kGuard = 256;
  static constexpr uint8_t kGuardByte = 0xa7;

  std::shared_ptr<const Plan> plan_;
  std::shared_ptr<const Placement> placement_;
  std::vector<uint8_t> memory_;
  std::map<size_t, std::vector<uint8_t>> own_;
};

}  // namespace ht
