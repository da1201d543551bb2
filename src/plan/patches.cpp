// SPDX-License-Identifier: Apache-2.0
#include "plan/patches.h"

#include <algorithm>
#include <tuple>

#include "plan/lives.h"

namespace ht {
namespace {

Plan in_order(const Plan& plan, const std::vector<size_t>& order) {
  Plan result = plan;
  for (size_t i = 0; i < order.size(); ++i) result.steps[i] = plan.steps[order[i]];
  return result;
}

struct Candidate {
  BandChoice choice;
  std::vector<size_t> order;  // of the plan's steps, before they are cut into bands
  int64_t bytes = 0, extra_macs = 0, kept_bytes = 0;
  size_t steps = 0;  // of the resulting plan
};

class Search {
 public:
  Search(const Plan& plan, const PatchOptions& options) : plan_(plan), options_(options), arena_(options.arena) { arena_.reorder = false; }

  // The best few ways, the best one first.
  std::vector<Candidate> run() {
    const Lives lives = Lives::of(plan_, options_.arena);
    const size_t most = steps_by_rows(plan_);
    for (size_t steps = 1; steps <= most; ++steps) {
      const auto heights = band_heights(steps);
      if (heights.empty()) continue;
      // With bands the first steps need so little that the others count.
      const auto order = lives.best_order(options_.arena.reorder ? steps : plan_.steps.size());
      const Plan ordered = in_order(plan_, order);
      for (int64_t rows : heights) consider(ordered, {{steps, rows, {}}, order});
    }
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

  bool consider(const Plan& ordered, Candidate candidate) {
    const auto cut = cut_into_bands(ordered, candidate.choice);
    if (!cut || cut->extra_macs > options_.max_extra_macs) return false;
    candidate.bytes = arena_lower_bound(cut->plan, arena_);
    candidate.extra_macs = cut->extra_macs;
    candidate.kept_bytes = cut->kept_bytes;
    candidate.steps = cut->plan.steps.size();
    candidates_.push_back(std::move(candidate));
    return true;
  }

  // Computes the rows of one value after the other again where that is better.
  void repeat_rows(Candidate best) {
    const Plan ordered = in_order(plan_, best.order);
    best.choice.repeat.resize(plan_.buffers.size());
    for (bool is_found = true; is_found;) {
      is_found = false;
      for (size_t i = best.choice.steps; i-- > 0;) {
        Candidate other = best;
        const size_t root = plan_.root(ordered.steps[i].output).index;
        other.choice.repeat[root] = !other.choice.repeat[root];
        if (!consider(ordered, std::move(other)) || !is_better(candidates_.back(), best)) continue;
        best = candidates_.back();
        is_found = true;
      }
    }
  }

  const Plan& plan_;
  const PatchOptions& options_;
  ArenaOptions arena_;
  std::vector<Candidate> candidates_;
};

bool fits(const ArenaPlan& arena, const PatchOptions& options) { return options.max_ram_bytes > 0 && arena.bytes <= options.max_ram_bytes; }

}  // namespace

Result<PatchedPlan> patch_plan(const Plan& plan, const PatchOptions& options) {
  ArenaOptions arena_options = options.arena;
  arena_options.reorder = false;
  PatchedPlan result;
  result.whole = plan_arena(plan, options.arena);
  const Plan ordered = in_order(plan, result.whole.order);
  result.plan = ordered;
  result.arena = plan_arena(ordered, arena_options);
  if (options.bands == 0 && fits(result.arena, options)) return result;
  bool is_found = false;
  for (const Candidate& candidate : Search(ordered, options).run()) {
    BandedPlan cut = *cut_into_bands(in_order(ordered, candidate.order), candidate.choice);
    ArenaPlan arena = plan_arena(cut.plan, arena_options);
    const bool is_asked_for = options.bands > 0 && !is_found;
    if (!is_asked_for && arena.bytes >= result.arena.bytes) continue;
    is_found = true;
    result = {std::move(cut.plan), std::move(arena), std::move(cut.bands), candidate.choice.steps, cut.extra_macs, cut.kept_bytes, std::move(result.whole)};
    if (fits(result.arena, options)) break;
  }
  if (options.bands > 0 && !is_found)
    return usage_error("the network's first layers cannot run in {} bands; leave the number away to have it chosen", options.bands);
  return result;
}

}  // namespace ht
