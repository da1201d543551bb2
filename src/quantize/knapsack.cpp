// SPDX-License-Identifier: Apache-2.0
#include "quantize/knapsack.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <tuple>

namespace ht {
namespace {

constexpr double kNone = std::numeric_limits<double>::infinity();
constexpr double kTolerance = 1e-12;  // of sums, as a share of what they are compared with
constexpr size_t kMostOfOne = 200000, kMostOfMany = 2000;  // partial solutions with one budget or with several: seconds at the most
constexpr int kDualSteps = 400;
constexpr int kPatience = 10;  // steps without a better bound before they become shorter

// A choice as what it costs above the item's least, each as a share of what the budget leaves above the sum of these.
struct Option {
  size_t index = 0;  // among the item's choices
  double value = 0;
  std::vector<double> shares;
};

using Items = std::vector<std::vector<Option>>;

bool dominates(double value, const std::vector<double>& shares, double other_value, const std::vector<double>& other_shares) {
  if (value > other_value) return false;
  for (size_t d = 0; d < shares.size(); ++d)
    if (shares[d] > other_shares[d]) return false;
  return true;
}

void add(std::vector<double>& sum, const std::vector<double>& more) {
  for (size_t d = 0; d < sum.size(); ++d) sum[d] += more[d];
}

bool fits(const std::vector<double>& used) {
  return std::ranges::all_of(used, [](double share) { return share <= 1 + kTolerance; });
}

// Choices that fit by themselves and that no other one of the item dominates; nothing where an item has none, so that no solution exists.
std::optional<Items> useful_options(const Knapsack& problem) {
  const size_t budgets = problem.budgets.size();
  std::vector<double> room = problem.budgets;
  std::vector<std::vector<double>> least;
  for (const auto& item : problem.items) {
    std::vector<double>& costs = least.emplace_back(budgets, kNone);
    for (const KnapsackChoice& choice : item)
      for (size_t d = 0; d < budgets; ++d) costs[d] = std::min(costs[d], choice.costs[d]);
    for (size_t d = 0; d < budgets; ++d) room[d] -= costs[d];
  }
  Items items;
  for (size_t i = 0; i < problem.items.size(); ++i) {
    std::vector<Option> options;
    for (size_t j = 0; j < problem.items[i].size(); ++j) {
      Option option{j, problem.items[i][j].value, std::vector<double>(budgets)};
      bool possible = true;
      for (size_t d = 0; d < budgets; ++d) {
        const double excess = problem.items[i][j].costs[d] - least[i][d];
        const double slack = room[d] + kTolerance * std::abs(problem.budgets[d]);
        possible = possible && excess <= slack && slack >= 0;
        option.shares[d] = excess > 0 ? excess / std::max(room[d], excess) : 0;
      }
      if (possible) options.push_back(std::move(option));
    }
    std::vector<Option> kept;
    for (size_t a = 0; a < options.size(); ++a) {
      const auto beats = [&](size_t b) {
        if (!dominates(options[b].value, options[b].shares, options[a].value, options[a].shares)) return false;
        return b < a || !dominates(options[a].value, options[a].shares, options[b].value, options[b].shares);
      };
      bool is_beaten = false;
      for (size_t b = 0; b < options.size(); ++b) is_beaten = is_beaten || (b != a && beats(b));
      if (!is_beaten) kept.push_back(options[a]);
    }
    if (kept.empty()) return std::nullopt;
    items.push_back(std::move(kept));
  }
  return items;
}

// Positions among each item's options.
struct Candidate {
  std::vector<size_t> picks;
  double value = kNone;
  std::vector<double> used;
};

class Solver {
 public:
  Solver(Items items, size_t budgets, size_t most_partial) : items_(std::move(items)), budgets_(budgets), most_partial_(most_partial) {}

  // Picks among the options, and the bound; nothing where no solution exists.
  std::optional<std::pair<std::vector<size_t>, double>> solve() {
    raise_bound();
    extend_all();
    if (best_.value == kNone) return std::nullopt;
    std::vector<size_t> picks;
    for (size_t i = 0; i < items_.size(); ++i) picks.push_back(items_[i][best_.picks[i]].index);
    return std::pair(picks, std::min(left_out_, best_.value));
  }

 private:
  double priced(const Option& option) const { return std::inner_product(prices_.begin(), prices_.end(), option.shares.begin(), option.value); }

  Candidate evaluate(std::vector<size_t> picks) const {
    Candidate candidate{std::move(picks), 0, std::vector<double>(budgets_, 0.0)};
    for (size_t i = 0; i < items_.size(); ++i) {
      const Option& option = items_[i][candidate.picks[i]];
      candidate.value += option.value;
      add(candidate.used, option.shares);
    }
    return candidate;
  }

  std::vector<size_t> least_priced() const {
    std::vector<size_t> picks;
    for (const auto& options : items_)
      picks.push_back(static_cast<size_t>(std::ranges::min_element(options, {}, [&](const Option& o) { return priced(o); }) - options.begin()));
    return picks;
  }

  // The item and option whose exchange has the least score below `limit`; false where there is none.
  template <class Score>
  bool exchange(Candidate& candidate, double limit, const Score& score) const {
    size_t item = items_.size(), pick = 0;
    for (size_t i = 0; i < items_.size(); ++i) {
      const Option& now = items_[i][candidate.picks[i]];
      for (size_t j = 0; j < items_[i].size(); ++j) {
        if (j == candidate.picks[i]) continue;
        std::vector<double> used = candidate.used;
        for (size_t d = 0; d < budgets_; ++d) used[d] += items_[i][j].shares[d] - now.shares[d];
        const double found = score(items_[i][j].value - now.value, used);
        if (found >= limit) continue;
        limit = found;
        item = i;
        pick = j;
      }
    }
    if (item == items_.size()) return false;
    candidate.picks[item] = pick;
    candidate = evaluate(std::move(candidate.picks));
    return true;
  }

  static double violation(const std::vector<double>& used) {
    double sum = 0;
    for (double share : used) sum += std::max(0.0, share - 1 - kTolerance);
    return sum;
  }

  // Brings a choice within the budgets where it can, at the least loss for what it wins, and then improves it as far as single exchanges do.
  void offer(Candidate candidate) {
    while (!fits(candidate.used)) {
      const double before = violation(candidate.used);
      const bool changed = exchange(candidate, kNone, [&](double loss, const std::vector<double>& used) {
        const double won = before - violation(used);
        return won > 0 ? loss / won : kNone;
      });
      if (!changed) return;
    }
    while (exchange(candidate, 0, [](double loss, const std::vector<double>& used) { return fits(used) ? loss : kNone; })) {}
    if (candidate.value < best_.value) best_ = std::move(candidate);
  }

  // Prices of the budgets that make the Lagrangian bound large, by subgradients (Held, Wolfe and Crowder, 1974).
  void raise_bound() {
    prices_.assign(budgets_, 0.0);
    double bound = -kNone, length = 1, worst = 0;
    for (const auto& options : items_) worst += std::ranges::max_element(options, {}, &Option::value)->value;
    std::vector<double> best_prices = prices_;
    for (int step = 0, idle = 0; step < kDualSteps; ++step) {
      const Candidate cheapest = evaluate(least_priced());
      double value = cheapest.value, norm = 0;
      for (size_t d = 0; d < budgets_; ++d) {
        value += prices_[d] * (cheapest.used[d] - 1);
        norm += (cheapest.used[d] - 1) * (cheapest.used[d] - 1);
      }
      if (value > bound) {
        bound = value;
        best_prices = prices_;
        idle = 0;
        offer(cheapest);
      } else if (++idle == kPatience) {
        length /= 2;
        idle = 0;
      }
      const double gap = std::min(best_.value, worst) - value;
      if (norm == 0 || gap <= 0) break;
      for (size_t d = 0; d < budgets_; ++d) prices_[d] = std::max(0.0, prices_[d] + length * gap / norm * (cheapest.used[d] - 1));
    }
    prices_ = best_prices;
  }

  // The first items' options, the last of which is `pick` behind those of `before`.
  struct Partial {
    double value = 0, bound = 0;
    std::vector<double> used;
    size_t before = 0, pick = 0;
  };

  // What the items from each one on add to a bound: priced, and by value alone.
  struct Rest {
    double priced = 0, value = 0;
  };

  double bound_of(const Partial& partial, const Rest& rest) const {
    double bound = partial.value + rest.priced;
    for (size_t d = 0; d < budgets_; ++d) bound += prices_[d] * (partial.used[d] - 1);
    return std::max(bound, partial.value + rest.value);
  }

  bool may_win(double bound) const { return best_.value == kNone || bound < best_.value - kTolerance * std::abs(best_.value); }

  void extend_all() {
    std::vector<Rest> rests(items_.size() + 1);
    for (size_t i = items_.size(); i-- > 0;) {
      const auto priced_of = [&](const Option& option) { return priced(option); };
      rests[i].priced = rests[i + 1].priced + priced_of(*std::ranges::min_element(items_[i], {}, priced_of));
      rests[i].value = rests[i + 1].value + std::ranges::min_element(items_[i], {}, &Option::value)->value;
    }
    Partial none;
    none.used.assign(budgets_, 0.0);
    levels_ = {{none}};
    if (!may_win(bound_of(none, rests[0]))) return;
    for (size_t i = 0; i < items_.size(); ++i) levels_.push_back(extend(levels_.back(), items_[i], rests[i + 1]));
    for (size_t p = 0; p < levels_.back().size(); ++p)
      if (levels_.back()[p].value < best_.value) best_ = trace(p);
  }

  std::vector<Partial> extend(const std::vector<Partial>& partials, const std::vector<Option>& options, const Rest& rest) {
    std::vector<Partial> found;
    for (size_t p = 0; p < partials.size(); ++p) {
      for (size_t j = 0; j < options.size(); ++j) {
        Partial next{partials[p].value + options[j].value, 0, partials[p].used, p, j};
        add(next.used, options[j].shares);
        next.bound = bound_of(next, rest);
        if (fits(next.used) && may_win(next.bound)) found.push_back(std::move(next));
      }
    }
    return budgets_ <= 1 ? keep_front(std::move(found)) : keep_least(std::move(found));
  }

  // By cost those whose value is less than that of all before.
  std::vector<Partial> keep_front(std::vector<Partial> found) {
    std::ranges::sort(found, [](const Partial& a, const Partial& b) { return std::tie(a.used, a.value) < std::tie(b.used, b.value); });
    std::vector<Partial> kept;
    for (Partial& partial : found)
      if (kept.empty() || partial.value < kept.back().value) kept.push_back(std::move(partial));
    return kept.size() > most_partial_ ? keep_least(std::move(kept)) : kept;
  }

  // By bound those that no other one dominates: what dominates has no greater bound, so it comes first.
  std::vector<Partial> keep_least(std::vector<Partial> found) {
    std::ranges::sort(found, [](const Partial& a, const Partial& b) { return std::tie(a.bound, a.value, a.used) < std::tie(b.bound, b.value, b.used); });
    std::vector<Partial> kept;
    for (Partial& partial : found) {
      const auto beats = [&](const Partial& other) { return dominates(other.value, other.used, partial.value, partial.used); };
      if (std::ranges::any_of(kept, beats)) continue;
      if (kept.size() == most_partial_) {
        left_out_ = std::min(left_out_, partial.bound);
        break;
      }
      kept.push_back(std::move(partial));
    }
    return kept;
  }

  Candidate trace(size_t last) const {
    std::vector<size_t> picks(items_.size());
    for (size_t i = items_.size(); i > 0; --i) {
      const Partial& partial = levels_[i][last];
      picks[i - 1] = partial.pick;
      last = partial.before;
    }
    return evaluate(std::move(picks));
  }

  const Items items_;
  const size_t budgets_, most_partial_;
  std::vector<double> prices_;
  Candidate best_;
  double left_out_ = kNone;  // the least bound of what was not followed
  std::vector<std::vector<Partial>> levels_;
};

}  // namespace

std::optional<KnapsackSolution> solve_knapsack(const Knapsack& problem, std::optional<size_t> most_partial) {
  auto items = useful_options(problem);
  if (!items) return std::nullopt;
  auto found = Solver(std::move(*items), problem.budgets.size(), most_partial.value_or(problem.budgets.size() <= 1 ? kMostOfOne : kMostOfMany)).solve();
  if (!found) return std::nullopt;
  KnapsackSolution solution{std::move(found->first), 0, std::vector<double>(problem.budgets.size(), 0.0), found->second};
  for (size_t i = 0; i < problem.items.size(); ++i) {
    const KnapsackChoice& choice = problem.items[i][solution.choices[i]];
    solution.value += choice.value;
    add(solution.costs, choice.costs);
  }
  return solution;
}

}  // namespace ht
