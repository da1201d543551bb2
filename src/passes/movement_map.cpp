// SPDX-License-Identifier: Apache-2.0
#include "passes/movement_map.h"

#include <algorithm>
#include <numeric>

#include "ops/common.h"
#include "ops/ops.h"

namespace ht {
namespace {

constexpr int64_t kMostMoved = int64_t{1} << 22;

bool is_usable(const Shape& shape) {
  const int64_t count = element_count(shape);
  return count > 0 && count <= kMostMoved;
}

std::vector<int64_t> counted(int64_t count, int64_t step = 1) {
  std::vector<int64_t> numbers(static_cast<size_t>(count));
  for (size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<int64_t>(i) * step;
  return numbers;
}

// How far apart in the source neighbours along each axis of the result are, where that is the same everywhere.
std::optional<Ints> source_strides(const MovementMap& map) {
  const Shape own = strides_of(map.to);
  Ints strides(map.to.size(), 0);
  std::vector<std::vector<int64_t>> terms;
  for (size_t axis = 0; axis < strides.size(); ++axis) {
    if (map.to[axis] > 1) strides[axis] = map.positions[static_cast<size_t>(own[axis])] - map.positions[0];
    terms.push_back(counted(map.to[axis], strides[axis]));
  }
  // Positions that count backwards would look absent to gather_positions, so the sums are formed here.
  std::vector<int64_t> expected = {map.positions[0]};
  for (const auto& axis : terms) {
    std::vector<int64_t> finer;
    finer.reserve(expected.size() * axis.size());
    for (int64_t position : expected)
      for (int64_t term : axis) finer.push_back(position + term);
    expected = std::move(finer);
  }
  if (expected != map.positions) return std::nullopt;
  return strides;
}

std::optional<Movement> as_reshape(const MovementMap& map) {
  if (map.positions != counted(element_count(map.from))) return std::nullopt;
  return Movement{map.from == map.to ? MovementKind::kNothing : MovementKind::kReshape, Reshape{map.to}, {}};
}

std::optional<Movement> as_slice(const MovementMap& map, const Ints& strides) {
  if (map.from.size() != map.to.size()) return std::nullopt;
  const Shape own = strides_of(map.from);
  Slice slice{{}, Ints(map.to.size(), 1), map.to};
  int64_t rest = map.positions[0];
  for (size_t axis = 0; axis < own.size(); ++axis) {
    const int64_t start = rest / own[axis];
    rest %= own[axis];
    slice.starts.push_back(start);
    if (map.to[axis] == 1) continue;
    if (strides[axis] % own[axis] != 0) return std::nullopt;
    slice.steps[axis] = strides[axis] / own[axis];
    const int64_t last = start + (map.to[axis] - 1) * slice.steps[axis];
    if (last < 0 || last >= map.from[axis]) return std::nullopt;
  }
  return Movement{MovementKind::kSlice, slice, {}};
}

std::optional<Movement> as_transpose(const MovementMap& map, const Ints& strides) {
  if (map.from.size() != map.to.size() || map.positions[0] != 0) return std::nullopt;
  const Shape own = strides_of(map.from);
  Transpose transpose;
  std::vector<bool> used(own.size(), false);
  for (size_t axis = 0; axis < own.size(); ++axis) {
    size_t source = 0;
    auto fits = [&](size_t s) {
      return !used[s] && map.from[s] == map.to[axis] && (map.to[axis] == 1 || own[s] == strides[axis]);
    };
    while (source < own.size() && !fits(source)) ++source;
    if (source == own.size()) return std::nullopt;
    used[source] = true;
    transpose.permutation.push_back(static_cast<int64_t>(source));
  }
  return Movement{MovementKind::kTranspose, transpose, {}};
}

std::optional<Movement> as_gather(const MovementMap& map) {
  if (map.from.size() != map.to.size()) return std::nullopt;
  const Shape from_strides = strides_of(map.from), to_strides = strides_of(map.to);
  for (size_t axis = 0; axis < map.from.size(); ++axis) {
    Shape expected = map.from;
    expected[axis] = map.to[axis];
    if (expected != map.to) continue;
    const int64_t inner = from_strides[axis], size = map.from[axis];
    Ints indices;
    std::vector<int64_t> terms;
    for (int64_t i = 0; i < map.to[axis]; ++i) {
      indices.push_back(map.positions[static_cast<size_t>(i * to_strides[axis])] / inner % size);
      terms.push_back(indices.back() * inner);
    }
    const int64_t outer = element_count(map.from) / (size * inner);
    if (gather_positions({counted(outer, size * inner), terms, counted(inner)}) == map.positions)
      return Movement{MovementKind::kGather, Gather{static_cast<int64_t>(axis)}, std::move(indices)};
  }
  return std::nullopt;
}

}  // namespace

MovementKind movement_kind(const Op& op) {
  if (std::holds_alternative<Reshape>(op)) return MovementKind::kReshape;
  if (std::holds_alternative<Slice>(op)) return MovementKind::kSlice;
  return std::holds_alternative<Transpose>(op) ? MovementKind::kTranspose : MovementKind::kGather;
}

bool is_movement(const Graph& graph, const Node& node) {
  if (std::holds_alternative<Gather>(node.op)) return graph.is_constant(node.inputs[1]);
  return movement_kind(node.op) != MovementKind::kGather;
}

std::optional<MovementMap> movement_of(const Graph& graph, const Node& node) {
  if (!is_movement(graph, node)) return std::nullopt;
  const Shape& from = graph.value(node.inputs[0]).type.shape;
  const Shape& to = graph.value(node.outputs[0]).type.shape;
  if (!is_usable(from) || !is_usable(to)) return std::nullopt;
  const Tensor numbers = Tensor::of_int64s(counted(element_count(from))).reshaped(from);
  std::vector<const Tensor*> inputs = {&numbers};
  if (std::holds_alternative<Gather>(node.op)) inputs.push_back(&*graph.value(node.inputs[1]).constant);
  auto moved = reference(node, inputs);
  if (!moved) return std::nullopt;
  return MovementMap{from, to, moved->front().to_int64s()};
}

MovementMap compose(const MovementMap& first, const MovementMap& second) {
  MovementMap both{first.from, second.to, second.positions};
  for (int64_t& position : both.positions) position = first.positions[static_cast<size_t>(position)];
  return both;
}

std::optional<Movement> single_movement(const MovementMap& map) {
  if (auto reshape = as_reshape(map)) return reshape;
  if (const auto strides = source_strides(map)) {
    if (auto slice = as_slice(map, *strides)) return slice;
    if (auto transpose = as_transpose(map, *strides)) return transpose;
  }
  return as_gather(map);
}

}  // namespace ht
