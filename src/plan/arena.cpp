// SPDX-License-Identifier: Apache-2.0
#include "plan/arena.h"

#include <algorithm>
#include <numeric>

#include "plan/lives.h"
#include "plan/pack.h"

namespace ht {
namespace {

constexpr size_t kUnplaced = SIZE_MAX;
constexpr int64_t kMostConflicts = int64_t{1} << 22;  // pairs, which take some 200 MB; networks have thousands

std::vector<size_t> own_order(const Plan& plan) {
  std::vector<size_t> order(plan.steps.size());
  std::iota(order.begin(), order.end(), size_t{0});
  return order;
}

// What has a place in the arena: values, and the scratch memory of steps.
struct Items {
  std::vector<PackedItem> items;
  std::vector<size_t> of_value, of_step;  // kUnplaced where there is none
};

// How many pairs live at one time.
int64_t count_conflicts(const std::vector<PackedItem>& items) {
  std::vector<size_t> starts, ends;
  for (const PackedItem& item : items) {
    starts.push_back(item.first);
    ends.push_back(item.last);
  }
  std::ranges::sort(starts);
  std::ranges::sort(ends);
  int64_t pairs = 0;
  size_t ended = 0;
  for (size_t begun = 0; begun < starts.size(); ++begun) {
    while (ends[ended] < starts[begun]) ++ended;
    pairs += static_cast<int64_t>(begun - ended);
  }
  return pairs;
}

// Pairs that live at one time, found by going through them in the order in which they begin.
void add_conflicts(std::vector<PackedItem>& items) {
  std::vector<size_t> by_start(items.size());
  std::iota(by_start.begin(), by_start.end(), size_t{0});
  std::ranges::stable_sort(by_start, {}, [&](size_t i) { return items[i].first; });
  std::vector<size_t> alive;
  for (size_t i : by_start) {
    std::erase_if(alive, [&](size_t other) { return items[other].last < items[i].first; });
    for (size_t other : alive) {
      items[i].conflicts.push_back({other, items[i].bytes, items[other].bytes});
      items[other].conflicts.push_back({i, items[other].bytes, items[i].bytes});
    }
    alive.push_back(i);
  }
}

Conflict& conflict_between(std::vector<PackedItem>& items, size_t item, size_t other) {
  return *std::ranges::find(items[item].conflicts, other, &Conflict::other);
}

Items make_items(const Lives& lives, const std::vector<size_t>& order, const std::vector<LiveSpan>& spans) {
  Items all{{}, std::vector<size_t>(spans.size(), kUnplaced), std::vector<size_t>(order.size(), kUnplaced)};
  for (size_t value = 0; value < spans.size(); ++value) {
    if (spans[value].first == SIZE_MAX) continue;
    all.of_value[value] = all.items.size();
    all.items.push_back({lives.bytes[value], spans[value].first, spans[value].last, {}});
  }
  for (size_t at = 0; at < order.size(); ++at) {
    if (lives.steps[order[at]].scratch == 0) continue;
    all.of_step[order[at]] = all.items.size();
    all.items.push_back({lives.steps[order[at]].scratch, at, at, {}});
  }
  return all;
}

void add_overlays(const Lives& lives, const std::vector<size_t>& order, const std::vector<LiveSpan>& spans, Items& all) {
  for (size_t at = 0; at < order.size(); ++at) {
    const LiveStep& step = lives.steps[order[at]];
    for (const auto& overlay : step.overlays) {
      if (spans[overlay.value].last != at || spans[step.output].first != at) continue;
      const size_t output = all.of_value[step.output], input = all.of_value[overlay.value];
      conflict_between(all.items, output, input).below = overlay.clearance;
      conflict_between(all.items, input, output).above = overlay.clearance;
    }
  }
}

ArenaPlan arrange(const Lives& lives, std::vector<size_t> order, int64_t effort) {
  const auto spans = lives.spans(order);
  Items all = make_items(lives, order, spans);
  ArenaPlan arena;
  arena.lower_bound = lives.fullest(order, spans);
  const bool is_small = count_conflicts(all.items) <= kMostConflicts;
  if (is_small) {
    add_conflicts(all.items);
    add_overlays(lives, order, spans, all);
  }
  const Packing packing = is_small ? pack(all.items, arena.lower_bound, effort) : pack_in_order(all.items);
  arena.bytes = packing.bytes;
  const auto offset_of = [&](size_t item) { return item == kUnplaced ? ArenaPlan::kElsewhere : packing.offsets[item]; };
  std::ranges::transform(all.of_value, std::back_inserter(arena.offsets), offset_of);
  std::ranges::transform(all.of_step, std::back_inserter(arena.scratch), offset_of);
  arena.order = std::move(order);
  return arena;
}

}  // namespace

ArenaPlan plan_arena(const Plan& plan, const ArenaOptions& options) {
  const Lives lives = Lives::of(plan, options);
  std::vector<size_t> own = own_order(plan), best = options.reorder ? lives.best_order() : own;
  ArenaPlan arena = arrange(lives, best, options.effort);
  if (best == own) return arena;
  ArenaPlan unchanged = arrange(lives, std::move(own), options.effort);
  return unchanged.bytes <= arena.bytes ? unchanged : arena;
}

int64_t arena_lower_bound(const Plan& plan, const ArenaOptions& options) {
  const Lives lives = Lives::of(plan, options);
  const auto order = own_order(plan);
  return lives.fullest(order, lives.spans(order));
}

}  // namespace ht
