// SPDX-License-Identifier: Apache-2.0
// Convolutions, pools, and the products of matrices.
#include <algorithm>

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

}  // namespace

Status import_conv(ImportNode& node) {
  const Shape weights = node.shape(1);
  if (weights.size() < 3) return input_error("its weights have the shape {} and so no kernel", shape_text(weights));
  const Ints kernel(weights.begin() + 2, weights.end());
  if (node.integers("kernel_shape", kernel) != kernel)
    return node.wrong_attribute("kernel_shape", fmt::format("contradicts the weights' shape {}", shape_text(weights)));
  HT_ASSIGN(const Window window, read_window(node, kernel, true));
  return node.emit(Conv{window.strides, window.dilations, window.pads, node.integer("group", 1)}, node.inputs());
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

Status import_gemm(ImportNode& node) {
  if (node.opset() < 11 && !node.has_input(2))
    return input_error("has no third input, which Gemm of opset {} must have", node.opset());
  const Gemm gemm{node.number("alpha", 1), node.number("beta", 1), node.flag("transA"), node.flag("transB")};
  return node.emit(gemm, node.inputs());
}

Status import_matmul(ImportNode& node) { return node.emit(MatMul{}, {node.input(0), node.input(1)}); }

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
