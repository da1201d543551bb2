// SPDX-License-Identifier: Apache-2.0
#include "random_network.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <span>

#include "ops/ops.h"
#include "ops/prepare.h"

namespace ht {
namespace {

constexpr int64_t kMostElements = 1500;

bool is_number(const TensorType& type) { return type.dtype == DType::kFloat32 || type.is_quantized(); }
bool is_float_value(const TensorType& type) { return type.dtype == DType::kFloat32; }
bool is_plain_integer(const TensorType& type) { return (type.dtype == DType::kInt64 || type.dtype == DType::kInt32) && !type.is_quantized(); }

// Whether numpy's broadcasting of both to one shape is defined.
bool broadcasts(const Shape& a, const Shape& b) {
  for (size_t i = 1; i <= std::min(a.size(), b.size()); ++i) {
    const int64_t x = a[a.size() - i], y = b[b.size() - i];
    if (x != y && x != 1 && y != 1) return false;
  }
  return true;
}

}  // namespace

RandomNetwork::RandomNetwork(uint64_t seed) : engine_(seed) {
  constexpr std::array kPolicies = {Policy::kFloatHalfEven, Policy::kFloatHalfEven, Policy::kFixedSingle, Policy::kFixedSingle,
                                    Policy::kFixedDouble,   Policy::kFixedRndnu,    Policy::kShiftHalfUp, Policy::kFloatHalfAway};
  policy_ = kPolicies[static_cast<size_t>(below(kPolicies.size()))];
  float_percent_ = one_of({0, 0, 10, 30, 80});
  graph_.metadata[std::string(kPolicyKey)] = policy_name(policy_);
}

float RandomNetwork::scale(float least, float most) {
  const float any = std::uniform_real_distribution<float>(least, most)(engine_);
  return policy_ == Policy::kShiftHalfUp ? std::exp2(std::round(std::log2(any))) : any;
}

float RandomNetwork::real(float magnitude) { return std::uniform_real_distribution<float>(-magnitude, magnitude)(engine_); }

std::optional<Affine> RandomNetwork::any_affine(DType dtype, const Shape& shape) {
  const IntegerRange range = integer_range(dtype);
  const float width = dtype_size(dtype) == 2 ? 1.0f / 256 : 1.0f;
  const auto zero_point = [&] { return static_cast<int32_t>(chance(30) ? 0 : between(range.min / 2, range.max / 2)); };
  if (shape.size() < 2 || chance(75)) return *Affine::per_tensor(scale(0.005f * width, 0.05f * width), zero_point());
  std::vector<float> scales;
  std::vector<int32_t> zero_points;
  for (int64_t i = 0; i < shape[1]; ++i) {
    scales.push_back(scale(0.005f * width, 0.05f * width));
    zero_points.push_back(zero_point());
  }
  return *Affine::per_axis(scales, zero_points, 1, shape.size());
}

TensorType RandomNetwork::any_type(const Shape& shape) {
  if (chance(float_percent_)) return {DType::kFloat32, shape, {}};
  const DType dtype = one_of({DType::kInt8, DType::kInt8, DType::kInt8, DType::kInt8, DType::kUint8, DType::kUint8, DType::kInt16});
  return {dtype, shape, any_affine(dtype, shape)};
}

ValueId RandomNetwork::input() {
  Shape shape = {between(1, 2), between(1, 12), between(1, 8), between(1, 8)};
  if (chance(15)) shape.resize(static_cast<size_t>(between(2, 3)));
  const ValueId id = graph_.add_value({next_name(), any_type(shape), {}});
  graph_.inputs.push_back(id);
  values_.push_back(id);
  return id;
}

ValueId RandomNetwork::floats(const Shape& shape, float magnitude) {
  Tensor tensor = Tensor::zeros(DType::kFloat32, shape);
  for (float& x : tensor.mutable_data<float>()) x = real(magnitude);
  return graph_.add_constant(next_name(), tensor);
}

ValueId RandomNetwork::integers(const Shape& shape, int64_t least, int64_t most) {
  Tensor tensor = Tensor::zeros(DType::kInt64, shape);
  for (int64_t& x : tensor.mutable_data<int64_t>()) x = between(least, most);
  return graph_.add_constant(next_name(), tensor);
}

// Zero points of signed weights are 0, as weights' are almost everywhere; unsigned ones have them and become wide.
ValueId RandomNetwork::weights(const Shape& shape) {
  if (chance(float_percent_)) return floats(shape, 1.0f);
  const DType dtype = one_of({DType::kInt8, DType::kInt8, DType::kInt8, DType::kInt8, DType::kInt4, DType::kUint8});
  const IntegerRange range = integer_range(dtype);
  std::vector<uint8_t> bytes;
  for (int64_t i = 0; i < element_count(shape); ++i) bytes.push_back(static_cast<uint8_t>(between(range.min, range.max)));
  if (dtype == DType::kInt4 && shape[1] > 2 && chance(60))
    return graph_.add_value({next_name(), {dtype, shape, blocks(shape, between(2, shape[1] - 1))}, *Tensor::make(dtype, shape, bytes)});
  const bool per_output = chance(70);
  std::vector<float> scales;
  std::vector<int32_t> zero_points;
  for (int64_t o = 0; o < (per_output ? shape[0] : 1); ++o) {
    scales.push_back(scale(0.001f, 0.01f));
    zero_points.push_back(dtype == DType::kUint8 ? static_cast<int32_t>(between(100, 150)) : 0);
  }
  const auto affine = per_output ? Affine::per_axis(scales, zero_points, 0, shape.size()) : Affine::per_tensor(scales[0], zero_points[0]);
  return graph_.add_value({next_name(), {dtype, shape, *affine}, *Tensor::make(dtype, shape, bytes)});
}

Affine RandomNetwork::blocks(const Shape& shape, int64_t block) {
  Shape of_scales = shape;
  of_scales[1] = (shape[1] + block - 1) / block;
  std::vector<float> scales;
  const int64_t an_output = element_count(of_scales) / shape[0];
  for (int64_t o = 0; o < shape[0]; ++o) {
    const float base = std::exp2(static_cast<float>(-between(8, 12)));  // every multiple is a float
    for (int64_t i = 0; i < an_output; ++i) scales.push_back(static_cast<float>(between(1, 16)) * base);
  }
  return *Affine::make(std::move(of_scales), std::move(scales), {}, block);
}

std::optional<ValueId> RandomNetwork::value(const Test& test) {
  for (int i = 0; i < 20; ++i)
    if (const ValueId id = chance(50) ? values_.back() : any(); test(type(id))) return id;
  return {};
}

std::optional<ValueId> RandomNetwork::pictures() {
  return value([](const TensorType& type) { return is_number(type) && type.shape.size() == 4; });
}

std::optional<ValueId> RandomNetwork::numbers() { return value(is_number); }

bool RandomNetwork::add(Op op, std::vector<ValueId> inputs, std::optional<ValueId> like) {
  const Graph before = graph_;
  Node node{next_name(), std::move(op), std::move(inputs), {}};
  const auto types = infer(graph_, node);
  if (!types || element_count(types->front().shape) > kMostElements || element_count(types->front().shape) == 0) return false;
  TensorType result = types->front();
  if (result.dtype == DType::kFloat32) {
    result = any_type(result.shape);
    // Movements keep parameters, and the plan has integer kernels for them only where they do.
    if (like && chance(80) && (!type(*like).affine || type(*like).affine->is_per_tensor())) result = {type(*like).dtype, result.shape, type(*like).affine};
  }
  node.outputs = {graph_.add_value({next_name(), result, {}})};
  graph_.nodes.push_back(node);
  graph_.outputs = {node.outputs[0]};
  if (!verify(graph_) || !make_plan(graph_)) {
    graph_ = before;
    return false;
  }
  values_.push_back(node.outputs[0]);
  return true;
}

bool RandomNetwork::add_convolution() {
  const auto x = pictures();
  if (!x) return false;
  const int64_t channels = shape(*x)[1];
  const int64_t kind = below(4);
  const int64_t groups = kind == 0 ? channels : kind == 1 && channels % 2 == 0 ? 2 : 1;
  const int64_t outputs = groups == channels ? channels * between(1, 2) : groups * between(1, 9);
  const Ints kernel = {between(1, 3), between(1, 3)};
  const ValueId w = weights({outputs, channels / groups, kernel[0], kernel[1]});
  std::vector<ValueId> inputs = {*x, w};
  if (chance(70)) inputs.push_back(floats({outputs}, 2.0f));
  const Conv conv{{between(1, 2), between(1, 2)}, {between(1, 2), 1}, {below(2), below(3), below(2), below(3)}, groups};
  return add(conv, inputs);
}

bool RandomNetwork::add_matrix() {
  const auto x = value([](const TensorType& type) { return is_number(type) && type.shape.size() >= 2; });
  if (!x) return false;
  const int64_t depth = shape(*x).back(), columns = between(1, 9);
  if (shape(*x).size() == 2 && chance(50)) {
    std::vector<ValueId> inputs = {*x, weights({columns, depth})};
    if (chance(50)) inputs.push_back(floats({columns}, 2.0f));
    return add(Gemm{1, 1, false, true}, inputs);
  }
  if (chance(50)) return add(MatMul{}, {*x, floats({depth, columns}, 1.0f)});
  const auto other = value([&](const TensorType& type) { return is_number(type) && type.shape.size() >= 2 && type.shape[type.shape.size() - 2] == depth; });
  return other && add(MatMul{}, {*x, *other});
}

bool RandomNetwork::add_elements() {
  if (const auto whole = value(is_plain_integer); whole && chance(30))
    return add(Unary{one_of({UnaryKind::kRelu, UnaryKind::kClip, UnaryKind::kNeg, UnaryKind::kAbs, UnaryKind::kSign}), -2, 3}, {*whole});
  const auto x = numbers();
  if (!x) return false;
  const auto kind = static_cast<UnaryKind>(below(static_cast<int64_t>(kUnaryNames.size()) - 1));
  if (chance(10)) {
    const int64_t channels = shape(*x).size() < 2 ? 0 : shape(*x)[1];
    if (channels == 0) return false;
    const ValueId positive = graph_.add_constant(next_name(), Tensor::of_floats({channels}, std::vector<float>(static_cast<size_t>(channels), 1.5f)));
    return add(BatchNormalization{}, {*x, floats({channels}, 1), floats({channels}, 1), floats({channels}, 1), positive});
  }
  if (kind == UnaryKind::kClip) return add(Unary{kind, real(1) - 1, 1 + real(1)}, {*x});
  return add(Unary{kind, 0.1f + std::abs(real(1)), 0.1f + std::abs(real(1))}, {*x});
}

bool RandomNetwork::add_two() {
  const auto kind = static_cast<BinaryKind>(below(static_cast<int64_t>(BinaryKind::kGreaterOrEqual) + 1));
  const bool whole = chance(30);
  const auto x = whole ? value(is_plain_integer) : numbers();
  if (!x) return false;
  if (!whole && chance(30)) return add(Binary{kind}, {*x, floats(shape(*x).size() > 1 ? Shape{shape(*x)[1], 1, 1} : Shape{1}, 2.0f)});
  const auto y = value([&](const TensorType& other) {
    return (whole ? other.dtype == type(*x).dtype && !other.is_quantized() : is_number(other)) && broadcasts(other.shape, shape(*x));
  });
  return y && add(Binary{kind}, {*x, *y});
}

bool RandomNetwork::add_movement() {
  const ValueId x = any();
  const Shape& s = shape(x);
  const size_t rank = s.size();
  if (rank == 0) return false;
  const auto axis = static_cast<size_t>(below(static_cast<int64_t>(rank)));
  switch (below(7)) {
    case 0: {
      std::vector<ValueId> parts = {x};
      const auto other = value([&](const TensorType& candidate) {
        bool alike = candidate.shape.size() == rank && candidate.dtype == type(x).dtype;
        for (size_t k = 0; alike && k < rank; ++k) alike = k == axis || candidate.shape[k] == s[k];
        return alike;
      });
      parts.push_back(other.value_or(x));
      return add(Concat{static_cast<int64_t>(axis)}, parts, x);
    }
    case 1: {
      Slice op{Ints(rank, 0), Ints(rank, 1), s};
      op.starts[axis] = below(s[axis]);
      op.steps[axis] = chance(20) ? 2 : 1;
      op.sizes[axis] = between(1, (s[axis] - op.starts[axis] - 1) / op.steps[axis] + 1);
      return add(op, {x}, x);
    }
    case 2:
      if (rank == 4 && chance(50)) return add(Reshape{{s[0], s[1] * s[2] * s[3]}}, {x}, x);
      return add(rank == 4 ? Reshape{{s[0], s[1], s[2] * s[3], 1}} : Reshape{{s[0], element_count(s) / s[0], 1, 1}}, {x}, x);
    case 3: {
      Transpose op{Ints(rank)};
      std::iota(op.permutation.begin(), op.permutation.end(), 0);
      std::shuffle(op.permutation.begin(), op.permutation.end(), engine_);
      return add(op, {x}, x);
    }
    case 4: {
      Pad op{static_cast<PadMode>(below(4)), Ints(2 * rank, 0), real(1)};
      op.pads[axis] = below(std::min<int64_t>(s[axis], 3));
      op.pads[axis + rank] = below(std::min<int64_t>(s[axis], 3));
      return add(op, {x}, x);
    }
    case 5: {
      Shape larger = s;
      if (s[axis] == 1) larger[axis] = between(2, 4);
      larger.insert(larger.begin(), rank < 4 ? 2 : 1);
      if (larger.size() > 5) return false;
      return add(Expand{larger}, {x}, x);
    }
    default:
      return add(Gather{static_cast<int64_t>(axis)}, {x, integers({between(1, 6)}, -s[axis], s[axis] - 1)}, x);
  }
}

bool RandomNetwork::add_window() {
  const auto x = pictures();
  if (!x) return false;
  const Shape& s = shape(*x);
  if (chance(50)) {
    Pool op{static_cast<PoolKind>(below(2)), {between(1, 3), between(1, 3)}, {between(1, 2), between(1, 2)}, {1, 1}, {0, 0, 0, 0}, chance(30), chance(50), chance(20)};
    if (op.global) op.kernel = op.strides = op.dilations = op.pads = {};
    else if (op.kernel[0] > 1 && op.kernel[1] > 1) op.pads = {below(2), below(2), below(2), below(2)};
    return add(op, {*x}, x);
  }
  Resize op;
  op.mode = static_cast<ResizeMode>(below(3));
  op.coordinates = static_cast<Coordinates>(below(5));
  op.nearest = static_cast<NearestMode>(below(4));
  op.sizes = {s[0], s[1], between(1, 2 * s[2]), between(1, 2 * s[3])};
  for (size_t k = 0; k < 4; ++k) op.scales.push_back(static_cast<float>(op.sizes[k]) / static_cast<float>(s[k]));
  return add(op, {*x}, x);
}

bool RandomNetwork::add_reduction() {
  const bool whole = chance(30);
  const auto x = whole ? value(is_plain_integer) : numbers();
  if (!x || shape(*x).empty()) return false;
  const int64_t rank = static_cast<int64_t>(shape(*x).size()), axis = below(rank);
  switch (whole ? 3 : below(4)) {
    case 0:
      return add(Softmax{axis, chance(30)}, {*x});
    case 1:
      return add(Cumulative{static_cast<CumulativeKind>(below(2)), axis, chance(50), chance(50)}, {*x});
    case 2:
      return add(Normalize{axis, 1e-5f, chance(70)}, {*x});
    default: {
      Ints axes = {axis};
      if (axis + 1 < rank && chance(50)) axes.push_back(axis + 1);
      const auto kind = static_cast<ReduceKind>(below(whole ? 5 : static_cast<int64_t>(kReduceNames.size())));
      return add(Reduce{kind, axes, chance(50)}, {*x});
    }
  }
}

bool RandomNetwork::add_indices() {
  const auto x = chance(20) ? value(is_plain_integer) : numbers();
  if (!x || shape(*x).empty()) return false;
  const Shape s = shape(*x);
  const auto rank = static_cast<int64_t>(s.size());
  const int64_t axis = below(rank), size = s[static_cast<size_t>(axis)];
  switch (below(6)) {
    case 0:
      return add(ArgExtreme{axis, chance(50), chance(50)}, {*x});
    case 1:
      return add(TopK{axis, between(1, size), chance(50)}, {*x});
    case 2:
      return add(GatherElements{axis}, {*x, integers(s, -size, size - 1)}, x);
    case 3: {
      const ValueId indices = integers({between(1, 5), 1}, -s[0], s[0] - 1);
      return add(GatherND{0}, {*x, indices}, x);
    }
    case 4:
      return add(ScatterElements{axis, static_cast<ScatterReduction>(below(5))}, {*x, integers(s, -size, size - 1), *x});
    default: {
      Shape updates = s;
      updates[0] = between(1, 3);
      const auto reduction = static_cast<ScatterReduction>(below(5));
      return is_float_value(type(*x)) && add(ScatterND{reduction}, {*x, integers({updates[0], 1}, -s[0], s[0] - 1), floats(updates, 2)});
    }
  }
}

bool RandomNetwork::add_choice() {
  const auto x = numbers();
  if (!x) return false;
  switch (below(3)) {
    case 0: {
      const auto condition = value([&](const TensorType& type) { return type.dtype == DType::kBool && broadcasts(type.shape, shape(*x)); });
      if (condition) return add(Where{}, {*condition, *x, floats({1}, 2)});
      return add(Binary{one_of({BinaryKind::kLess, BinaryKind::kGreaterOrEqual})}, {*x, floats({1}, 1)}) && add(Where{}, {values_.back(), *x, floats({1}, 2)});
    }
    case 1:
      return add(Cast{one_of({DType::kInt32, DType::kInt64, DType::kBool, DType::kFloat32})}, {any()});
    default: {
      const TensorType to = any_type(shape(*x));
      return add(Convert{to.dtype, to.affine}, {*x});
    }
  }
}

bool RandomNetwork::add_sampling() {
  const auto x = pictures();
  if (!x) return false;
  const int64_t pictures = shape(*x)[0];
  if (chance(50)) {
    const ValueId grid = floats({pictures, between(1, 4), between(1, 4), 2}, 1.3f);
    return add(GridSample{static_cast<ResizeMode>(below(3)), static_cast<GridPadding>(below(3)), chance(50)}, {*x, grid});
  }
  std::vector<float> corners;
  for (int i = 0; i < 2; ++i) {
    const float left = std::abs(real(3)), top = std::abs(real(3));
    for (float corner : {left, top, left + 0.5f + std::abs(real(4)), top + 0.5f + std::abs(real(4))}) corners.push_back(corner);
  }
  const ValueId regions = graph_.add_constant(next_name(), Tensor::of_floats({2, 4}, corners));
  const RoiAlign op{chance(50), chance(50), between(1, 3), between(1, 3), below(3), 1.0f};
  return add(op, {*x, regions, integers({2}, 0, pictures - 1)});
}

bool RandomNetwork::add_any() {
  switch (below(16)) {
    case 0:
    case 1:
    case 2:
    case 3:
      return add_convolution();
    case 14:
    case 15:
      return add_two();
    case 4:
      return add_matrix();
    case 5:
    case 6:
      return add_elements();
    case 7:
      return add_two();
    case 8:
      return add_movement();
    case 9:
      return add_window();
    case 10:
      return add_reduction();
    case 11:
      return add_indices();
    case 12:
      return add_choice();
    default:
      return add_sampling();
  }
}

Graph RandomNetwork::make(uint64_t seed) {
  RandomNetwork network(seed);
  for (int64_t inputs = network.between(1, 2); inputs > 0; --inputs) network.input();
  int64_t wanted = network.between(2, 9);
  for (int tries = 0; wanted > 0 && tries < 100; ++tries)
    if (network.add_any()) --wanted;
  Graph graph = std::move(network.graph_);
  const Links links(graph);
  graph.outputs.clear();
  for (const Node& node : graph.nodes)
    if (links.consumers(node.outputs[0]).empty()) graph.outputs.push_back(node.outputs[0]);
  compact_values(graph);
  return graph;
}

}  // namespace ht
