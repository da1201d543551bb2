// SPDX-License-Identifier: Apache-2.0
#include "codegen/memory.h"

#include <algorithm>
#include <utility>

#include "plan/patches.h"

namespace ht {
namespace {

void reorder(Plan& plan, const std::vector<size_t>& order) {
  std::vector<Step> steps;
  for (size_t i : order) steps.push_back(std::move(plan.steps[i]));
  plan.steps = std::move(steps);
}

// The step where values and scratch memory that are alive at one time have the most bytes.
size_t fullest_step(const Plan& plan, const Memory& memory, const std::function<int64_t(const Step& step)>& scratch) {
  struct Span {
    size_t first = SIZE_MAX, last = 0;
  };
  std::vector<Span> spans(plan.buffers.size());
  std::vector<int64_t> alive;
  for (size_t at = 0; at < plan.steps.size(); ++at) {
    const auto touch = [&](BufferId id) {
      Span& span = spans[plan.root(id).index];
      span = {std::min(span.first, at), at};
    };
    for (BufferId input : plan.steps[at].inputs) touch(input);
    touch(plan.steps[at].output);
    alive.push_back(scratch(plan.steps[at]));
  }
  for (BufferId input : plan.inputs) spans[plan.root(input).index].first = 0;
  for (BufferId output : plan.outputs) spans[plan.root(output).index].last = plan.steps.size() - 1;
  for (size_t i = 0; i < spans.size(); ++i)
    if (memory.places[i].kind == ValuePlace::Kind::kArena || (memory.with_ports && memory.places[i].kind != ValuePlace::Kind::kConstant))
      for (size_t at = spans[i].first; at <= spans[i].last && at < alive.size(); ++at) alive[at] += plan.buffers[i].bytes();
  return static_cast<size_t>(std::ranges::max_element(alive) - alive.begin());
}

}  // namespace

Result<Memory> plan_memory(Plan& plan, std::optional<int64_t> wanted, bool with_ports, const std::function<int64_t(const Step& step)>& scratch) {
  ArenaOptions options;
  options.alignment = kArenaAlignment;
  options.reorder = options.overlap = true;
  options.own_inputs = options.own_outputs = with_ports;
  options.scratch_bytes = scratch;
  Memory memory;
  memory.with_ports = with_ports;
  ArenaPlan arena;
  if (wanted) {
    PatchOptions patches;
    patches.arena = options;
    patches.max_ram_bytes = *wanted;
    HT_ASSIGN(PatchedPlan patched, patch_plan(plan, patches));
    plan = std::move(patched.plan);
    arena = std::move(patched.arena);
    memory.bands = {static_cast<int64_t>(patched.bands.size()), patched.steps, patched.extra_macs};
  } else {
    arena = plan_arena(plan, options);
    const std::vector<size_t>& order = arena.order;
    std::vector<int64_t> in_order;
    for (size_t i : order) in_order.push_back(arena.scratch[i]);
    arena.scratch = std::move(in_order);
    reorder(plan, order);
  }
  memory.places.resize(plan.buffers.size());
  for (size_t i = 0; i < plan.buffers.size(); ++i)
    memory.places[i] = {plan.buffers[i].constant ? ValuePlace::Kind::kConstant : ValuePlace::Kind::kArena, 0, arena.offsets[i]};
  memory.arena_bytes = arena.bytes;
  const auto place_port = [&](BufferId port, ValuePlace::Kind kind, size_t index) {
    const size_t root = plan.root(port).index;
    int64_t offset = with_ports ? arena.offsets[root] : 0;
    if (offset == ArenaPlan::kElsewhere) {  // no step touches it
      offset = (memory.arena_bytes + kArenaAlignment - 1) / kArenaAlignment * kArenaAlignment;
      memory.arena_bytes = offset + plan.buffers[root].bytes();
    }
    memory.places[root] = {kind, index, offset};
  };
  for (size_t i = 0; i < plan.inputs.size(); ++i) place_port(plan.inputs[i], ValuePlace::Kind::kInput, i);
  for (size_t i = 0; i < plan.outputs.size(); ++i) place_port(plan.outputs[i], ValuePlace::Kind::kOutput, i);
  memory.scratch = std::move(arena.scratch);
  memory.lower_bound = arena.lower_bound;
  memory.fullest = fullest_step(plan, memory, scratch);
  return memory;
}

}  // namespace ht
