// SPDX-License-Identifier: Apache-2.0
// Convolutions, pools, and the products of matrices.
#include <algorithm>
#include <array>

#include "import/onnx/pieces.h"
#include "import/onnx/table.h"

namespace ht {
namespace {

// What convolutions and pools slide over the spatial axes.
struct Window {
  Ints kernel, strides, dilations, pads;
};

constexpr int64_t kMost = int64_t{1} << 31;  // of any such size, so that sums and products of them cannot overflow

Result<Ints> window_sizes(ImportNode& node, std::string_view name, size_t count, int64_t otherwise) {
  Ints sizes = node.integers(name, Ints(count, otherwise));
  if (sizes.size() != count)
    return node.wrong_attribute(name, fmt::format("has {} numbers where the input needs {}", sizes.size(), count));
  for (int64_t size : sizes)
    if (size < otherwise || size > kMost) return node.wrong_attribute(name, fmt::format("is {}, which cannot be", size));
  return sizes;
}

// Padding that the model leaves to the program: what an output of ceil(input / stride) needs, or none.
Result<Ints> automatic_pads(ImportNode& node, const std::string& automatic, const Window& window, const Shape& shape) {
  const size_t count = window.kernel.size();
  Ints pads(2 * count, 0);
  if (automatic == "VALID") return pads;
  if (automatic != "SAME_UPPER" && automatic != "SAME_LOWER")
    return node.wrong_attribute("auto_pad", fmt::format("is '{}', which ONNX does not have", automatic));
  for (size_t i = 0; i < count; ++i) {
    const int64_t stride = window.strides[i], input = shape[i + 2], output = (input + stride - 1) / stride;
    const int64_t reach = (window.kernel[i] - 1) * window.dilations[i] + 1;
    const int64_t total = std::max<int64_t>((output - 1) * stride + reach - input, 0);
    const int64_t less = total / 2, more = total - less;
    pads[i] = automatic == "SAME_UPPER" ? less : more;
    pads[i + count] = total - pads[i];
  }
  return pads;
}

// Reads strides, dilations and padding for a kernel that is known.
Result<Window> read_window(ImportNode& node, Ints kernel, bool has_dilations) {
  const Shape shape = node.shape(0);
  const size_t count = kernel.size();
  if (count == 0 || shape.size() != count + 2)
    return input_error("its input has the shape {}, which does not fit a window over {} axes", shape_text(shape), count);
  Window window{std::move(kernel), {}, Ints(count, 1), {}};
  for (int64_t size : window.kernel)
    if (size < 1 || size > kMost) return node.wrong_attribute("kernel_shape", fmt::format("holds {}, which cannot be", size));
  HT_ASSIGN(window.strides, window_sizes(node, "strides", count, 1));
  if (has_dilations) {
    HT_ASSIGN(window.dilations, window_sizes(node, "dilations", count, 1));
  }
  HT_ASSIGN(window.pads, window_sizes(node, "pads", 2 * count, 0));
  const std::string automatic = node.text("auto_pad", "NOTSET");
  if (automatic == "NOTSET" || automatic.empty()) return window;
  if (std::ranges::any_of(window.pads, [](int64_t pad) { return pad != 0; }))
    return node.wrong_attribute("auto_pad", "contradicts the attribute 'pads'");
  HT_ASSIGN(window.pads, automatic_pads(node, automatic, window, shape));
  return window;
}

// |x|^p of the first input.
Result<ValueId> absolute_power(ImportNode& node, int64_t p) {
  if (p == 2) return binary_step(node, BinaryKind::kMul, node.input(0), node.input(0), "squares");
  HT_ASSIGN(const ValueId size, unary_step(node, UnaryKind::kAbs, node.input(0), "sizes"));
  if (p == 1) return size;
  const ValueId exponent = scalar_beside(node, DType::kFloat32, static_cast<double>(p), "p");
  return binary_step(node, BinaryKind::kPow, size, exponent, "powers");
}

Status emit_root(ImportNode& node, ValueId sum, int64_t p) {
  if (p == 2) return node.emit(Unary{UnaryKind::kSqrt, 0, 0}, {sum});
  return node.emit(Binary{BinaryKind::kPow}, {sum, scalar_beside(node, DType::kFloat32, 1.0 / static_cast<double>(p), "root")});
}

// Whether Gemm's third input is not there or one constant a column, which makes it a layer with weights.
bool has_column_bias(const ImportNode& node, bool transpose_b) {
  if (!node.has_input(2)) return true;
  const Shape bias = node.shape(2), weights = node.shape(1);
  if (!node.is_constant(2) || weights.size() != 2) return false;
  const int64_t columns = weights[transpose_b ? 0 : 1], count = element_count(bias);
  return count == 1 || (count == columns && (bias.empty() || bias.back() == columns));
}

// alpha * op(a) op(b) + beta * c of anything.
Status multiply_and_add(ImportNode& node, const Gemm& gemm) {
  std::array<ValueId, 2> matrices = {node.input(0), node.input(1)};
  for (size_t i = 0; i < 2; ++i) {
    if (node.shape(i).size() != 2)
      return input_error("its input {} has the shape {} and is no matrix", i, shape_text(node.shape(i)));
    if (!(i == 0 ? gemm.transpose_a : gemm.transpose_b)) continue;
    HT_ASSIGN(matrices[i], node.intermediate(Transpose{{1, 0}}, {matrices[i]}, "transposed"));
  }
  const bool is_sum = node.has_input(2);
  if (!is_sum && gemm.alpha == 1) return node.emit(MatMul{}, {matrices[0], matrices[1]});
  HT_ASSIGN(ValueId product, node.intermediate(MatMul{}, {matrices[0], matrices[1]}, "product"));
  const auto factor = [&](float value, std::string_view suffix) { return scalar_beside(node, DType::kFloat32, value, suffix); };
  if (!is_sum) return node.emit(Binary{BinaryKind::kMul}, {product, factor(gemm.alpha, "alpha")});
  if (gemm.alpha != 1) {
    HT_ASSIGN(product, binary_step(node, BinaryKind::kMul, product, factor(gemm.alpha, "alpha"), "scaled"));
  }
  ValueId addend = node.input(2);
  if (gemm.beta != 1) {
    HT_ASSIGN(addend, binary_step(node, BinaryKind::kMul, addend, factor(gemm.beta, "beta"), "addend"));
  }
  const Shape made = node.builder().value(product).type.shape;
  HT_TRY(node.emit(Binary{BinaryKind::kAdd}, {product, addend}));
  const ValueId sum = node.output_value(0);
  if (sum.valid() && node.builder().value(sum).type.shape != made)
    return input_error("its third input has the shape {}, which does not broadcast to the product's {}",
                       shape_text(node.shape(2)), shape_text(made));
  return {};
}

}  // namespace

Result<Conv> read_conv(ImportNode& node) {
  const Shape weights = node.shape(1);
  if (weights.size() < 3) return input_error("its weights have the shape {} and so no kernel", shape_text(weights));
  const Ints kernel(weights.begin() + 2, weights.end());
  if (node.integers("kernel_shape", kernel) != kernel)
    return node.wrong_attribute("kernel_shape", fmt::format("contradicts the weights' shape {}", shape_text(weights)));
  HT_ASSIGN(const Window window, read_window(node, kernel, true));
  return Conv{window.strides, window.dilations, window.pads, node.integer("group", 1)};
}

Status import_conv(ImportNode& node) {
  HT_ASSIGN(Conv conv, read_conv(node));
  return node.emit(std::move(conv), node.inputs());
}

Status import_pool(ImportNode& node) {
  const bool is_max = node.op_type() == "MaxPool";
  if (is_max && node.wants_output(1))
    return unsupported("its second output (the indices of the maxima) is used; export a model without it");
  if (!node.has_attribute("kernel_shape")) return node.wrong_attribute("kernel_shape", "is missing");
  Pool pool{is_max ? PoolKind::kMax : PoolKind::kAverage, {}, {}, {}, {}, false, false, false};
  const bool has_dilations = node.opset() >= (is_max ? 10 : 19);
  HT_ASSIGN(Window window, read_window(node, node.integers("kernel_shape", {}), has_dilations));
  pool.kernel = std::move(window.kernel);
  pool.strides = std::move(window.strides);
  pool.dilations = std::move(window.dilations);
  pool.pads = std::move(window.pads);
  if (node.opset() >= 10) pool.ceil_mode = node.flag("ceil_mode");
  if (is_max && node.opset() >= 8) node.ignore("storage_order");  // of the indices
  if (!is_max) pool.count_include_pad = node.flag("count_include_pad");
  return node.emit(std::move(pool), {node.input(0)});
}

Status import_global_pool(ImportNode& node) {
  Pool pool;
  pool.kind = node.op_type() == "GlobalMaxPool" ? PoolKind::kMax : PoolKind::kAverage;
  pool.global = true;
  return node.emit(std::move(pool), {node.input(0)});
}

// The sum of |x|^p over windows, to the power 1/p: a convolution with ones.
Status import_lp_pool(ImportNode& node) {
  const Shape shape = node.shape(0);
  if (!node.has_attribute("kernel_shape")) return node.wrong_attribute("kernel_shape", "is missing");
  HT_ASSIGN(Window window, read_window(node, node.integers("kernel_shape", {}), node.opset() >= 18));
  const size_t count = window.kernel.size();
  const int64_t p = node.integer("p", 2);
  if (p < 1) return node.wrong_attribute("p", "must be a positive number");
  if (node.opset() >= 18 && node.flag("ceil_mode")) {
    for (size_t i = 0; i < count; ++i) {
      const int64_t reach = (window.kernel[i] - 1) * window.dilations[i] + 1;
      const int64_t room = shape[i + 2] + window.pads[i] + window.pads[i + count] - reach, stride = window.strides[i];
      int64_t more = room < 0 ? 0 : (stride - room % stride) % stride;
      // A window must start inside of the input or the padding before it.
      if (room + more >= shape[i + 2] + window.pads[i]) more = 0;
      window.pads[i + count] += more;
    }
  }
  Shape weights = {shape[1], 1};
  weights.insert(weights.end(), window.kernel.begin(), window.kernel.end());
  HT_ASSIGN(const int64_t size, checked_element_count(weights));
  HT_TRY(check_made(node, size, DType::kFloat32));
  const ValueId ones = node.constant_beside(Tensor::of_floats(weights, Floats(static_cast<size_t>(size), 1)), "ones");
  HT_ASSIGN(const ValueId powers, absolute_power(node, p));
  const Conv conv{window.strides, window.dilations, window.pads, shape[1]};
  if (p == 1) return node.emit(conv, {powers, ones});
  HT_ASSIGN(const ValueId sum, node.intermediate(conv, {powers, ones}, "sum"));
  return emit_root(node, sum, p);
}

Status import_global_lp_pool(ImportNode& node) {
  const size_t rank = node.shape(0).size();
  const int64_t p = node.integer("p", 2);
  if (p < 1) return node.wrong_attribute("p", "must be a positive number");
  if (rank < 3) return input_error("its input has the shape {} and no spatial axes", shape_text(node.shape(0)));
  Reduce reduce{p == 1 ? ReduceKind::kL1 : p == 2 ? ReduceKind::kL2 : ReduceKind::kSum, {}, true};
  for (size_t axis = 2; axis < rank; ++axis) reduce.axes.push_back(static_cast<int64_t>(axis));
  if (p <= 2) return node.emit(std::move(reduce), {node.input(0)});
  HT_ASSIGN(const ValueId powers, absolute_power(node, p));
  HT_ASSIGN(const ValueId sum, node.intermediate(std::move(reduce), {powers}, "sum"));
  return emit_root(node, sum, p);
}

Status import_gemm(ImportNode& node) {
  if (node.opset() < 11 && !node.has_input(2))
    return input_error("has no third input, which Gemm of opset {} must have", node.opset());
  const Gemm gemm{node.number("alpha", 1), node.number("beta", 1), node.flag("transA"), node.flag("transB")};
  if (node.is_constant(1) && has_column_bias(node, gemm.transpose_b)) return node.emit(gemm, node.inputs());
  return multiply_and_add(node, gemm);
}

// A vector is a matrix of one row or column, whose axis leaves the result again.
Status import_matmul(ImportNode& node) {
  const Shape a = node.shape(0), b = node.shape(1);
  if ((a.size() != 1 && b.size() != 1) || a.empty() || b.empty()) return node.emit(MatMul{}, {node.input(0), node.input(1)});
  ValueId left = node.input(0), right = node.input(1);
  if (a.size() == 1) {
    HT_ASSIGN(left, reshape_step(node, left, {1, a[0]}, "row"));
  }
  if (b.size() == 1) {
    HT_ASSIGN(right, reshape_step(node, right, {b[0], 1}, "column"));
  }
  HT_ASSIGN(const ValueId product, node.intermediate(MatMul{}, {left, right}, "product"));
  Shape shape = node.builder().value(product).type.shape;
  if (b.size() == 1) shape.pop_back();
  if (a.size() == 1) shape.erase(shape.end() - (b.size() == 1 ? 1 : 2));
  return node.emit(Reshape{std::move(shape)}, {product});
}

Status import_batch_normalization(ImportNode& node) {
  if (node.opset() < 9 && !node.flag("spatial", true))
    return unsupported("its attribute 'spatial' is 0 (statistics for each position); export the model for opset 9 or newer");
  if (node.opset() >= 14 && node.flag("training_mode"))
    return unsupported("is in training mode; export the model for inference (in PyTorch: model.eval())");
  for (size_t i = 1; i < node.output_count(); ++i)
    if (node.wants_output(i) && node.opset() >= 14)
      return unsupported("returns statistics as in training; export the model for inference (in PyTorch: model.eval())");
  node.ignore("momentum");
  return node.emit(BatchNormalization{node.number("epsilon", 1e-5f)}, node.inputs());
}

}  // namespace ht
