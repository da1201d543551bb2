// SPDX-License-Identifier: Apache-2.0
#include "plan/pack.h"

#include <algorithm>
#include <numeric>

namespace ht {
namespace {

constexpr int64_t kNowhere = -1;

class Packer {
 public:
  Packer(const std::vector<PackedItem>& items, int64_t lower_bound, int64_t effort)
      : items_(items), lower_bound_(lower_bound), effort_(effort), offsets_(items.size()) {}

  Packing run() {
    for (const auto& comes_first : kGreedyOrders) {
      std::vector<size_t> order(items_.size());
      std::iota(order.begin(), order.end(), size_t{0});
      std::ranges::stable_sort(order, [&](size_t a, size_t b) { return comes_first(items_[a], items_[b]); });
      consider(order);
      if (is_done()) break;
    }
    search();
    return std::move(best_);
  }

 private:
  using ComesFirst = bool (*)(const PackedItem& a, const PackedItem& b);
  static int64_t duration(const PackedItem& item) { return static_cast<int64_t>(item.last - item.first) + 1; }
  static constexpr ComesFirst kGreedyOrders[] = {
      [](const PackedItem& a, const PackedItem& b) { return a.bytes > b.bytes; },
      [](const PackedItem& a, const PackedItem& b) { return a.bytes * duration(a) > b.bytes * duration(b); },
      [](const PackedItem& a, const PackedItem& b) { return duration(a) > duration(b); },
      [](const PackedItem& a, const PackedItem& b) { return a.first < b.first; },
      [](const PackedItem& a, const PackedItem& b) { return a.last > b.last; },
  };

  bool is_done() const { return best_.bytes <= lower_bound_ || effort_ <= 0; }

  // The lowest offset that no placed item forbids.
  int64_t lowest(size_t index) {
    forbidden_.clear();
    for (const Conflict& conflict : items_[index].conflicts)
      if (offsets_[conflict.other] != kNowhere)
        forbidden_.emplace_back(offsets_[conflict.other] - conflict.below, offsets_[conflict.other] + conflict.above);
    effort_ -= static_cast<int64_t>(items_[index].conflicts.size()) + 1;
    std::ranges::sort(forbidden_);
    int64_t offset = 0;
    for (const auto& [begin, end] : forbidden_) {
      if (offset <= begin) break;
      offset = std::max(offset, end);
    }
    return offset;
  }

  // Places items in this order; gives up where it becomes larger than the best one.
  bool consider(const std::vector<size_t>& order) {
    std::ranges::fill(offsets_, kNowhere);
    int64_t bytes = 0;
    for (size_t index : order) {
      offsets_[index] = lowest(index);
      bytes = std::max(bytes, offsets_[index] + items_[index].bytes);
      if (!best_order_.empty() && bytes > best_.bytes) return false;
    }
    best_ = {offsets_, bytes};
    best_order_ = order;
    return true;
  }

  size_t below(size_t n) {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<size_t>((state_ >> 33) % n);
  }

  // Mostly moves something that reaches the top, or that lies near it, to an earlier place in the order; sometimes swaps two at random.
  void search() {
    if (items_.size() < 2) return;
    while (!is_done()) {
      std::vector<size_t> order = best_order_;
      effort_ -= static_cast<int64_t>(order.size());
      for (size_t moves = 1 + below(3); moves > 0; --moves) {
        if (below(4) == 0) {
          std::swap(order[below(order.size())], order[below(order.size())]);
          continue;
        }
        const size_t from = high_item(order), to = below(from + 1);
        std::rotate(order.begin() + static_cast<std::ptrdiff_t>(to), order.begin() + static_cast<std::ptrdiff_t>(from),
                    order.begin() + static_cast<std::ptrdiff_t>(from) + 1);
      }
      consider(order);
    }
  }

  // The place in the order of the highest of some items drawn at random.
  size_t high_item(const std::vector<size_t>& order) {
    const auto top = [&](size_t place) { return best_.offsets[order[place]] + items_[order[place]].bytes; };
    size_t best = below(order.size());
    for (size_t draws = items_.size() / 2; draws > 0; --draws) {
      const size_t place = below(order.size());
      if (top(place) > top(best)) best = place;
    }
    return best;
  }

  const std::vector<PackedItem>& items_;
  int64_t lower_bound_, effort_;
  std::vector<int64_t> offsets_;
  std::vector<std::pair<int64_t, int64_t>> forbidden_;
  std::vector<size_t> best_order_;
  Packing best_;
  uint64_t state_ = 1;
};

}  // namespace

Packing pack(const std::vector<PackedItem>& items, int64_t lower_bound, int64_t effort) { return Packer(items, lower_bound, effort).run(); }

}  // namespace ht
