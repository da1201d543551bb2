// SPDX-License-Identifier: Apache-2.0
#include "plan/patches.h"

#include <algorithm>
#include <tuple>

namespace ht {
namespace {

struct Candidate {
  BandChoice choice;
  int64_t bytes, extra_macs, kept_bytes;
  size_t steps;  // of the resulting plan
};

class Search {
 public:
  Search(const Plan& plan, const PatchOptions& options) : plan_(plan), options_(options) {}

  // The best few ways, the best one first.
  std::vector<Candidate> run() {
    for (size_t steps = 1; steps <= steps_by_rows(plan_); ++steps)
      for (int64_t rows : band_heights(steps)) consider({steps, rows, {}});
    std::vector<Candidate> found = best();
    for (const Candidate& candidate : found) repeat_rows(candidate);
    return best();
  }

 private:
  static constexpr size_t kBest = 6;
  static constexpr int64_t kBandCounts[] = {2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 48};

  // Whether one way is better than another: it fits, or has fewer bytes; then it computes less, copies less, and has fewer steps.
  bool is_better(const Candidate& a, const Candidate& b) const {
    const auto key = [&](const Candidate& c) {
      const int64_t bytes = options_.max_ram_bytes > 0 ? std::max(c.bytes, options_.max_ram_bytes) : c.bytes;
      return std::tuple(bytes, c.extra_macs, c.kept_bytes, c.steps);
    };
    return key(a) < key(b);
  }

  std::vector<Candidate> best() {
    std::ranges::stable_sort(candidates_, [&](const Candidate& a, const Candidate& b) { return is_better(a, b); });
    return {candidates_.begin(), candidates_.begin() + static_cast<std::ptrdiff_t>(std::min(kBest, candidates_.size()))};
  }

  // Rows of the tallest value that the first steps leave behind.
  int64_t tallest_left(size_t steps) const {
    int64_t rows = 0;
    for (size_t i = 0; i < steps; ++i) {
      const BufferId root = plan_.root(plan_.steps[i].output);
      const auto reads = [&](BufferId id) { return plan_.root(id) == root; };
      bool is_left = std::ranges::any_of(plan_.outputs, reads);
      for (size_t k = steps; k < plan_.steps.size() && !is_left; ++k) is_left = std::ranges::any_of(plan_.steps[k].inputs, reads) || reads(plan_.steps[k].output);
      if (is_left) rows = std::max(rows, row_layout(plan_.buffer(root))->rows);
    }
    return rows;
  }

  std::vector<int64_t> band_heights(size_t steps) const {
    const int64_t rows = tallest_left(steps);
    std::vector<int64_t> heights;
    const auto add = [&](int64_t count) {
      const int64_t height = (rows + count - 1) / count;
      const bool is_exact = (rows + height - 1) / height == count;
      if (rows >= count && is_exact) heights.push_back(height);
    };
    if (options_.bands > 0) {
      add(options_.bands);
    } else {
      for (int64_t count : kBandCounts) add(count);
    }
    return heights;
  }

  bool consider(const BandChoice& choice) {
    const auto cut = cut_into_bands(plan_, choice);
    if (!cut || cut->extra_macs > options_.max_extra_macs) return false;
    candidates_.push_back({choice, arena_lower_bound(cut->plan, options_.arena), cut->extra_macs, cut->kept_bytes, cut->plan.steps.size()});
    return true;
  }

  // Computes the rows of one value after the other again where that is better.
  void repeat_rows(Candidate best) {
    best.choice.repeat.resize(plan_.buffers.size());
    for (bool is_found = true; is_found;) {
      is_found = false;
      for (size_t i = best.choice.steps; i-- > 0;) {
        BandChoice choice = best.choice;
        const size_t root = plan_.root(plan_.steps[i].output).index;
        choice.repeat[root] = !choice.repeat[root];
        if (!consider(choice) || !is_better(candidates_.back(), best)) continue;
        best = candidates_.back();
        is_found = true;
      }
    }
  }

  const Plan& plan_;
  const PatchOptions& options_;
  std::vector<Candidate> candidates_;
};

// The same steps in the order of the arena.
Plan in_order(const Plan& plan, const std::vector<size_t>& order) {
  Plan result = plan;
  for (size_t i = 0; i < order.size(); ++i) result.steps[i] = plan.steps[order[i]];
  return result;
}

bool fits(const ArenaPlan& arena, const PatchOptions& options) { return options.max_ram_bytes > 0 && arena.bytes <= options.max_ram_bytes; }

}  // namespace

Result<PatchedPlan> patch_plan(const Plan& plan, const PatchOptions& options) {
  PatchedPlan result;
  result.whole = plan_arena(plan, options.arena);
  result.plan = in_order(plan, result.whole.order);
  PatchOptions in_this_order = options;
  in_this_order.arena.reorder = false;
  result.arena = plan_arena(result.plan, in_this_order.arena);
  if (options.bands == 0 && fits(result.arena, options)) return result;
  const Plan ordered = result.plan;
  bool is_found = false;
  for (const Candidate& candidate : Search(ordered, in_this_order).run()) {
    BandedPlan cut = *cut_into_bands(ordered, candidate.choice);
    ArenaPlan arena = plan_arena(cut.plan, in_this_order.arena);
    const bool is_first_of_count = options.bands > 0 && !is_found;
    if (!is_first_of_count && arena.bytes >= result.arena.bytes) continue;
    is_found = true;
    result = {std::move(cut.plan), std::move(arena), std::move(cut.bands), candidate.choice.steps, cut.extra_macs, cut.kept_bytes, std::move(result.whole)};
    if (fits(result.arena, options)) break;
  }
  if (options.bands > 0 && !is_found)
    return usage_error("the network's first layers cannot run in {} bands; leave the number away to have it chosen", options.bands);
  return result;
}

}  // namespace ht
