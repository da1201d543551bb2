// SPDX-License-Identifier: Apache-2.0
#include "codegen/memory.h"

#include <algorithm>

namespace ht {
namespace {

int64_t aligned(int64_t bytes) { return (bytes + kArenaAlignment - 1) / kArenaAlignment * kArenaAlignment; }

// What must stay in the arena between two steps, both included.
struct Life {
  int64_t bytes;
  size_t first, last;
  int64_t* offset;
};

std::vector<Life> lives_of(const Plan& plan, const std::vector<BundleCall>& calls, Memory& memory) {
  std::vector<Life> lives(plan.buffers.size(), Life{0, SIZE_MAX, 0, nullptr});
  for (size_t i = 0; i < plan.steps.size(); ++i) {
    const auto touch = [&](BufferId id) {
      const BufferId root = plan.root(id);
      Life& life = lives[root.index];
      if (memory.places[root.index].kind != ValuePlace::Kind::kArena) return;
      life = {aligned(plan.buffer(root).bytes()), std::min(life.first, i), std::max(life.last, i), &memory.places[root.index].offset};
    };
    for (BufferId input : plan.steps[i].inputs) touch(input);
    touch(plan.steps[i].output);
  }
  for (size_t i = 0; i < calls.size(); ++i)
    if (calls[i].scratch_bytes > 0) lives.push_back({aligned(static_cast<int64_t>(calls[i].scratch_bytes)), i, i, &memory.scratch[i]});
  std::erase_if(lives, [](const Life& life) { return life.first == SIZE_MAX; });
  return lives;
}

void find_fullest_step(const std::vector<Life>& lives, size_t steps, Memory& memory) {
  std::vector<int64_t> alive(steps, 0);
  for (const Life& life : lives)
    for (size_t i = life.first; i <= life.last; ++i) alive[i] += life.bytes;
  const auto most = std::ranges::max_element(alive);
  if (most == alive.end()) return;
  memory.lower_bound = *most;
  memory.fullest_step = static_cast<size_t>(most - alive.begin());
}

// Largest first, each at the lowest offset where nothing that lives at the same time lies.
int64_t place(std::vector<Life> lives) {
  std::ranges::stable_sort(lives, std::greater(), &Life::bytes);
  std::vector<Life> placed;  // by offset
  int64_t end = 0;
  for (const Life& life : lives) {
    int64_t offset = 0;
    for (const Life& other : placed) {
      if (life.first > other.last || other.first > life.last) continue;
      if (offset + life.bytes <= *other.offset) break;
      offset = std::max(offset, *other.offset + other.bytes);
    }
    *life.offset = offset;
    end = std::max(end, offset + life.bytes);
    placed.insert(std::ranges::upper_bound(placed, offset, {}, [](const Life& other) { return *other.offset; }), life);
  }
  return end;
}

}  // namespace

Memory plan_memory(const Plan& plan, const std::vector<BundleCall>& calls) {
  Memory memory;
  memory.places.resize(plan.buffers.size());
  memory.scratch.resize(plan.steps.size(), 0);
  for (size_t i = 0; i < plan.buffers.size(); ++i)
    if (plan.buffers[i].constant) memory.places[i].kind = ValuePlace::Kind::kConstant;
  for (size_t i = 0; i < plan.inputs.size(); ++i) memory.places[plan.root(plan.inputs[i]).index] = {ValuePlace::Kind::kInput, i, 0};
  for (size_t i = 0; i < plan.outputs.size(); ++i) memory.places[plan.root(plan.outputs[i]).index] = {ValuePlace::Kind::kOutput, i, 0};
  const std::vector<Life> lives = lives_of(plan, calls, memory);
  find_fullest_step(lives, plan.steps.size(), memory);
  memory.arena_bytes = place(lives);
  return memory;
}

}  // namespace ht
