// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include "plan/pack.h"

namespace ht {
namespace {

// Memory that grows at its end; what is given back is used again, the smallest piece that is large enough first.
class Heap {
 public:
  int64_t take(int64_t bytes) {
    if (const auto fit = by_size_.lower_bound({bytes, 0}); fit != by_size_.end()) {
      const auto [size, at] = *fit;
      forget(at, size);
      if (size > bytes) keep(at + bytes, size - bytes);
      return at;
    }
    int64_t at = end_;
    if (!by_place_.empty() && by_place_.rbegin()->first + by_place_.rbegin()->second == end_) {
      at = by_place_.rbegin()->first;
      forget(at, end_ - at);
    }
    end_ = at + bytes;
    return at;
  }

  void give_back(int64_t at, int64_t bytes) {
    if (const auto next = by_place_.find(at + bytes); next != by_place_.end()) {
      const int64_t size = next->second;
      forget(at + bytes, size);
      bytes += size;
    }
    const auto after = by_place_.lower_bound(at);
    if (after != by_place_.begin() && std::prev(after)->first + std::prev(after)->second == at) {
      const auto [before, size] = *std::prev(after);
      forget(before, size);
      at = before;
      bytes += size;
    }
    keep(at, bytes);
  }

  int64_t end() const { return end_; }

 private:
  void keep(int64_t at, int64_t size) {
    by_place_.emplace(at, size);
    by_size_.emplace(size, at);
  }
  void forget(int64_t at, int64_t size) {
    by_place_.erase(at);
    by_size_.erase({size, at});
  }

  std::map<int64_t, int64_t> by_place_;             // free pieces, no two of which touch
  std::set<std::pair<int64_t, int64_t>> by_size_;  // the same: size, place
  int64_t end_ = 0;
};

}  // namespace

Packing pack_in_order(const std::vector<PackedItem>& items) {
  std::vector<size_t> by_start(items.size());
  std::iota(by_start.begin(), by_start.end(), size_t{0});
  std::vector<size_t> by_end = by_start;
  std::ranges::stable_sort(by_start, {}, [&](size_t i) { return items[i].first; });
  std::ranges::stable_sort(by_end, {}, [&](size_t i) { return items[i].last; });
  Packing packing{std::vector<int64_t>(items.size(), 0), 0};
  Heap heap;
  auto oldest = by_end.begin();
  for (size_t i : by_start) {
    for (; items[*oldest].last < items[i].first; ++oldest)
      if (items[*oldest].bytes > 0) heap.give_back(packing.offsets[*oldest], items[*oldest].bytes);
    if (items[i].bytes > 0) packing.offsets[i] = heap.take(items[i].bytes);
  }
  packing.bytes = heap.end();
  return packing;
}

}  // namespace ht
