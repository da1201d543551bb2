// SPDX-License-Identifier: Apache-2.0
#include "codegen/memory.h"

#include <algorithm>

#include "plan/arena.h"

namespace ht {
namespace {

// A step's position where values and scratch memory alive at one time have the most bytes.
size_t fullest_position(const Plan& plan, const Memory& memory, const std::vector<int64_t>& scratch) {
  struct Span {
    size_t first = SIZE_MAX, last = 0;
  };
  std::vector<Span> spans(plan.buffers.size());
  std::vector<int64_t> alive;
  for (size_t at = 0; at < memory.order.size(); ++at) {
    const Step& step = plan.steps[memory.order[at]];
    const auto touch = [&](BufferId id) {
      Span& span = spans[plan.root(id).index];
      span = {std::min(span.first, at), at};
    };
    for (BufferId input : step.inputs) touch(input);
    touch(step.output);
    alive.push_back(scratch[memory.order[at]]);
  }
  for (size_t i = 0; i < spans.size(); ++i)
    if (memory.places[i].kind == ValuePlace::Kind::kArena)
      for (size_t at = spans[i].first; at <= spans[i].last && at < alive.size(); ++at) alive[at] += plan.buffers[i].bytes();
  return static_cast<size_t>(std::ranges::max_element(alive) - alive.begin());
}

}  // namespace

Memory plan_memory(const Plan& plan, const std::vector<int64_t>& scratch) {
  ArenaOptions options;
  options.alignment = kArenaAlignment;
  options.reorder = options.overlap = true;
  options.own_inputs = options.own_outputs = false;
  options.scratch_bytes = [&](const Step& step) { return scratch[static_cast<size_t>(&step - plan.steps.data())]; };
  ArenaPlan arena = plan_arena(plan, options);

  Memory memory;
  memory.places.resize(plan.buffers.size());
  for (size_t i = 0; i < plan.buffers.size(); ++i)
    memory.places[i] = {plan.buffers[i].constant ? ValuePlace::Kind::kConstant : ValuePlace::Kind::kArena, 0, arena.offsets[i]};
  for (size_t i = 0; i < plan.inputs.size(); ++i) memory.places[plan.root(plan.inputs[i]).index] = {ValuePlace::Kind::kInput, i, 0};
  for (size_t i = 0; i < plan.outputs.size(); ++i) memory.places[plan.root(plan.outputs[i]).index] = {ValuePlace::Kind::kOutput, i, 0};
  memory.order = std::move(arena.order);
  memory.scratch = std::move(arena.scratch);
  memory.arena_bytes = arena.bytes;
  memory.lower_bound = arena.lower_bound;
  memory.fullest = fullest_position(plan, memory, scratch);
  return memory;
}

}  // namespace ht
