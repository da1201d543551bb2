// SPDX-License-Identifier: Apache-2.0
// What Reshape, Transpose, Slice and Gather do, seen as one thing: each element of the output comes from somewhere.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "ir/graph.h"

namespace ht {

struct MovementMap {
  Shape from, to;
  std::vector<int64_t> positions;  // for each element of `to`, row-major, its position in `from`
};

// Whether the node only moves elements of its first input, to places that are known.
bool is_movement(const Graph& graph, const Node& node);
// Of a node that moves elements of its first input; nothing for other nodes and for values that are empty or very large.
std::optional<MovementMap> movement_of(const Graph& graph, const Node& node);
// First `first`, then `second`, which starts where the first one ends.
MovementMap compose(const MovementMap& first, const MovementMap& second);

// In the order of preference.
enum class MovementKind { kNothing, kReshape, kSlice, kTranspose, kGather };
MovementKind movement_kind(const Op& op);

struct Movement {
  MovementKind kind;
  Op op;         // a Reshape where the kind is kNothing
  Ints indices;  // of a Gather
};
// The single operator that does the same, if there is one.
std::optional<Movement> single_movement(const MovementMap& map);

}  // namespace ht
