// SPDX-License-Identifier: Apache-2.0
// Small networks of every operator family, in float and in integers, drawn from a seed.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "ir/graph.h"
#include "kernels/epilogue.h"

namespace ht {

class RandomNetwork {
 public:
  // A network that make_plan() takes.
  static Graph make(uint64_t seed);

 private:
  explicit RandomNetwork(uint64_t seed);
  using Test = std::function<bool(const TensorType& type)>;

  int64_t below(int64_t n) { return static_cast<int64_t>(engine_() % static_cast<uint64_t>(n)); }
  int64_t between(int64_t least, int64_t most) { return least + below(most - least + 1); }
  bool chance(int64_t percent) { return below(100) < percent; }
  float real(float magnitude);
  float scale(float least, float most);  // a power of two where the policy wants it
  template <class T>
  T one_of(std::initializer_list<T> choices) {
    return choices.begin()[below(static_cast<int64_t>(choices.size()))];
  }

  const TensorType& type(ValueId id) const { return graph_.value(id).type; }
  const Shape& shape(ValueId id) const { return type(id).shape; }
  std::string next_name() { return "v" + std::to_string(names_++); }

  // Parameters of such a value; none where it stays in float.
  std::optional<Affine> any_affine(DType dtype, const Shape& shape);
  TensorType any_type(const Shape& shape);
  ValueId input();
  ValueId floats(const Shape& shape, float magnitude);                         // a constant
  ValueId integers(const Shape& shape, int64_t least, int64_t most);           // a constant of i64
  Affine blocks(const Shape& shape, int64_t block);                            // of weights [outputs, inputs, ...], small multiples of one scale an output
  ValueId weights(const Shape& shape);                                         // a constant, quantized mostly
  std::optional<ValueId> value(const Test& test);                              // one that is there and passes
  ValueId any() { return values_[static_cast<size_t>(below(static_cast<int64_t>(values_.size())))]; }
  std::optional<ValueId> pictures();                                           // a value [N,C,H,W] of numbers
  std::optional<ValueId> numbers();                                            // of any shape

  // Adds a node and its output, unless it or the plan with it is refused. With `like` the output's parameters are those of that value.
  bool add(Op op, std::vector<ValueId> inputs, std::optional<ValueId> like = {});
  bool add_any();

  bool add_convolution();
  bool add_matrix();
  bool add_elements();
  bool add_two();
  bool add_movement();
  bool add_window();
  bool add_reduction();
  bool add_indices();
  bool add_choice();
  bool add_sampling();

  std::mt19937_64 engine_;
  Policy policy_;
  int64_t float_percent_;  // of values
  Graph graph_;
  std::vector<ValueId> values_;
  int names_ = 0;
};

}  // namespace ht
