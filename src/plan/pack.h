// SPDX-License-Identifier: Apache-2.0
// Positions of things in one memory, where some pairs must lie apart: what an arena is made of.
#pragma once

#include <cstdint>
#include <vector>

namespace ht {

// A thing whose offset may not lie between (excluded) other's offset - below and other's offset + above.
struct Conflict {
  size_t other;
  int64_t below, above;
};

struct PackedItem {
  int64_t bytes;
  size_t first, last;  // the steps between which it lives
  std::vector<Conflict> conflicts;
};

struct Packing {
  std::vector<int64_t> offsets;
  int64_t bytes = 0;
};

// Offsets of at least 0 for all items. Several greedy orders and then a search among orders near the best one, until `lower_bound` is
// met or `effort` conflicts have been looked at. The same for the same arguments.
Packing pack(const std::vector<PackedItem>& items, int64_t lower_bound, int64_t effort);

// Offsets of at least 0 where all that lives at one time lies apart, found in one walk through the steps: for so many items that to look
// at their pairs would take too long. `conflicts` are not looked at.
Packing pack_in_order(const std::vector<PackedItem>& items);

}  // namespace ht
