// SPDX-License-Identifier: Apache-2.0
// One function an operator family: its attributes as ONNX's.
#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "export/onnx/writer.h"
#include "ops/common.h"

namespace ht {
namespace {

// What a node of the file is called, reads and makes.
struct Site {
  OnnxWriter& writer;
  const Node& node;
  std::vector<std::string> inputs;
  std::string output;

  const TensorType& type(size_t i) const { return writer.graph().value(node.inputs[i]).type; }
  std::string ints(std::string_view what, const Ints& values) const {
    return writer.constant_ints(node.name + "_" + std::string(what), values);
  }
  Attributes make(std::string_view op) const { return writer.node(op, node.name, inputs, output); }
  // The same with further inputs.
  Attributes make(std::string_view op, std::initializer_list<std::string> more) const {
    auto all = inputs;
    all.insert(all.end(), more);
    return writer.node(op, node.name, all, output);
  }
};

Status write(const Site& site, const Conv& conv) {
  const Shape& weights = site.type(1).shape;
  site.make("Conv")
      .integers("dilations", conv.dilations)
      .integer("group", conv.groups)
      .integers("kernel_shape", Ints(weights.begin() + 2, weights.end()))
      .integers("pads", conv.pads)
      .integers("strides", conv.strides);
  return {};
}

Status write(const Site& site, const Gemm& gemm) {
  site.make("Gemm")
      .number("alpha", gemm.alpha)
      .number("beta", gemm.beta)
      .integer("transA", gemm.transpose_a)
      .integer("transB", gemm.transpose_b);
  return {};
}

Status write(const Site& site, const MatMul&) {
  site.make("MatMul");
  return {};
}

Status write(const Site& site, const BatchNormalization& normalization) {
  site.make("BatchNormalization").number("epsilon", normalization.epsilon);
  return {};
}

Status write(const Site& site, const Unary& unary) {
  const DType dtype = site.type(0).is_quantized() ? DType::kFloat32 : site.type(0).dtype;
  write_unary(site.writer, unary, site.node.name, site.inputs[0], site.output, dtype);
  return {};
}

Status write(const Site& site, const Binary& binary) {
  if (binary.kind == BinaryKind::kMod || binary.kind == BinaryKind::kFmod)
    site.make("Mod").integer("fmod", binary.kind == BinaryKind::kFmod);
  else
    site.make(kBinaryNames[static_cast<size_t>(binary.kind)]);
  return {};
}

Status write(const Site& site, const Concat& concat) {
  site.make("Concat").integer("axis", concat.axis);
  return {};
}

Status write(const Site& site, const Slice& slice) {
  const Shape& shape = site.type(0).shape;
  Ints starts, ends, axes, steps;
  for (size_t i = 0; i < shape.size(); ++i) {
    const int64_t start = slice.starts[i], step = slice.steps[i], size = slice.sizes[i];
    if (start == 0 && step == 1 && size == shape[i] && !(axes.empty() && i + 1 == shape.size())) continue;
    const int64_t last = start + (size - 1) * step;
    starts.push_back(start);
    // Backwards past the first element there is no other way to say it: -1 would be the last one.
    ends.push_back(size == 0 ? start : step > 0 ? last + 1 : last == 0 ? -INT64_MAX : last - 1);
    axes.push_back(static_cast<int64_t>(i));
    steps.push_back(step);
  }
  site.make("Slice", {site.ints("starts", starts), site.ints("ends", ends), site.ints("axes", axes), site.ints("steps", steps)});
  return {};
}

Status write(const Site& site, const Reshape& reshape) {
  if (std::ranges::find(reshape.shape, 0) != reshape.shape.end())
    return unsupported("makes a tensor without elements, which is not written to ONNX");
  site.make("Reshape", {site.ints("shape", reshape.shape)});
  return {};
}

Status write(const Site& site, const Transpose& transpose) {
  site.make("Transpose").integers("perm", transpose.permutation);
  return {};
}

Status write(const Site& site, const Pad& pad) {
  const std::string pads = site.ints("pads", pad.pads);
  std::string value;
  if (pad.mode == PadMode::kConstant && pad.value != 0) {
    const double element = pad.value;
    Tensor tensor = Tensor::zeros(site.type(0).is_quantized() ? DType::kFloat32 : site.type(0).dtype, {});
    store(tensor, std::span(&element, 1));
    value = site.writer.constant(site.node.name + "_value", tensor);
  }
  site.make("Pad", {pads, value}).text("mode", kPadModeNames[static_cast<size_t>(pad.mode)]);
  return {};
}

Status write(const Site& site, const Pool& pool) {
  if (pool.global) {
    site.make(pool.kind == PoolKind::kMax ? "GlobalMaxPool" : "GlobalAveragePool");
    return {};
  }
  Attributes attributes = site.make(kPoolNames[static_cast<size_t>(pool.kind)]);
  attributes.integer("ceil_mode", pool.ceil_mode);
  if (pool.kind == PoolKind::kAverage) attributes.integer("count_include_pad", pool.count_include_pad);
  if (pool.kind == PoolKind::kMax || site.writer.opset() >= 19) attributes.integers("dilations", pool.dilations);
  attributes.integers("kernel_shape", pool.kernel).integers("pads", pool.pads).integers("strides", pool.strides);
  return {};
}

Status write(const Site& site, const Resize& resize) {
  const Shape& shape = site.type(0).shape;
  bool scales_say_it = true, sizes_say_it = true;
  for (size_t i = 0; i < shape.size(); ++i) {
    const auto from = static_cast<float>(shape[i]);
    // Programs differ in the precision of this product.
    const double product = static_cast<double>(resize.scales[i]) * static_cast<double>(from);
    scales_say_it &= static_cast<int64_t>(std::floor(resize.scales[i] * from)) == resize.sizes[i];
    scales_say_it &= static_cast<int64_t>(std::floor(product)) == resize.sizes[i];
    sizes_say_it &= static_cast<float>(resize.sizes[i]) / from == resize.scales[i];
  }
  if (!scales_say_it && !sizes_say_it) return unsupported("has sizes that do not follow from its scales, which ONNX cannot say");
  std::string scales, sizes;
  if (scales_say_it)
    scales =
        site.writer.constant(site.node.name + "_scales", Tensor::of_floats({static_cast<int64_t>(shape.size())}, resize.scales));
  else
    sizes = site.ints("sizes", resize.sizes);
  Attributes attributes = site.make("Resize", {"", scales, sizes});
  if (site.writer.opset() >= 18) attributes.integer("antialias", resize.antialias);
  attributes.text("coordinate_transformation_mode", kCoordinatesNames[static_cast<size_t>(resize.coordinates)])
      .number("cubic_coeff_a", resize.cubic_a)
      .integer("exclude_outside", resize.exclude_outside)
      .text("mode", kResizeModeNames[static_cast<size_t>(resize.mode)])
      .text("nearest_mode", kNearestModeNames[static_cast<size_t>(resize.nearest)]);
  return {};
}

Status write(const Site& site, const Softmax& softmax) {
  site.make(softmax.logarithm ? "LogSoftmax" : "Softmax").integer("axis", softmax.axis);
  return {};
}

Status write(const Site& site, const Reduce& reduce) {
  const std::string_view op = kReduceNames[static_cast<size_t>(reduce.kind)];
  if (reduce.kind == ReduceKind::kSum || site.writer.opset() >= 18)
    site.make(op, {site.ints("axes", reduce.axes)}).integer("keepdims", reduce.keep_dims);
  else
    site.make(op).integers("axes", reduce.axes).integer("keepdims", reduce.keep_dims);
  return {};
}

Status write(const Site& site, const Gather& gather) {
  site.make("Gather").integer("axis", gather.axis);
  return {};
}

Status write(const Site& site, const GatherElements& gather) {
  site.make("GatherElements").integer("axis", gather.axis);
  return {};
}

Status write(const Site& site, const GatherND& gather) {
  site.make("GatherND").integer("batch_dims", gather.batch_dims);
  return {};
}

void write_reduction(Attributes attributes, ScatterReduction reduction) {
  if (reduction != ScatterReduction::kNone)
    attributes.text("reduction", kScatterReductionNames[static_cast<size_t>(reduction)]);
}

Status write(const Site& site, const ScatterElements& scatter) {
  write_reduction(site.make("ScatterElements").integer("axis", scatter.axis), scatter.reduction);
  return {};
}

Status write(const Site& site, const ScatterND& scatter) {
  write_reduction(site.make("ScatterND"), scatter.reduction);
  return {};
}

Status write(const Site& site, const ArgExtreme& extreme) {
  site.make(extreme.smallest ? "ArgMin" : "ArgMax").integer("axis", extreme.axis).integer("select_last_index", extreme.last);
  return {};
}

Status write(const Site& site, const TopK& top) {
  const std::vector<std::string> inputs = {site.inputs[0], site.ints("k", {top.k})};
  const std::vector<std::string> outputs = {site.writer.fresh(site.output + "_values"), site.output};
  site.writer.node("TopK", site.node.name, inputs, outputs).integer("axis", top.axis).integer("largest", !top.smallest);
  return {};
}

Status write(const Site& site, const Cumulative& cumulative) {
  if (cumulative.kind == CumulativeKind::kProd)
    return unsupported("needs opset 26, but files are written for opset 21 at most; use CumSum of logarithms instead");
  site.make(kCumulativeNames[static_cast<size_t>(cumulative.kind)], {site.ints("axis", {cumulative.axis})})
      .integer("exclusive", cumulative.exclusive)
      .integer("reverse", cumulative.reverse);
  return {};
}

// Files of older opsets have no such operator for the last axes, but one for channels: the rows are seen as one channel each.
Status write(const Site& site, const Normalize& normalize) {
  const Shape& shape = site.type(0).shape;
  const auto axis = shape.begin() + normalize.axis;
  const int64_t rows = element_count({shape.begin(), axis}), n = element_count({axis, shape.end()});
  if (rows * n == 0) return unsupported("normalizes a tensor without elements, which is not written to ONNX");
  OnnxWriter& writer = site.writer;
  const std::string& name = site.node.name;
  const auto step = [&](std::string_view op, const std::vector<std::string>& inputs) {
    const std::string suffix = "_" + std::string(op), made = writer.fresh(site.output + suffix);
    return std::pair(writer.node(op, writer.fresh(name + suffix), inputs, made), made);
  };
  if (!normalize.subtract_mean) {
    const std::string squares = step("Mul", {site.inputs[0], site.inputs[0]}).second;
    Ints axes(shape.size() - static_cast<size_t>(normalize.axis));
    std::iota(axes.begin(), axes.end(), normalize.axis);
    const bool as_input = writer.opset() >= 18;
    auto [mean, mean_name] = as_input ? step("ReduceMean", {squares, site.ints("axes", axes)}) : step("ReduceMean", {squares});
    if (!as_input) mean.integers("axes", axes);
    const std::string sum = step("Add", {mean_name, writer.constant_float(name + "_epsilon", normalize.epsilon)}).second;
    writer.node("Div", name, {site.inputs[0], step("Sqrt", {sum}).second}, site.output);
    return {};
  }
  const bool is_rows = shape == Shape{rows, 1, n};
  std::string flat = site.inputs[0];
  if (!is_rows) {
    flat = writer.fresh(site.output + "_Reshape");
    const std::string before = writer.fresh(name + "_Reshape");
    writer.node("Reshape", before, {site.inputs[0], writer.constant_ints(before + "_shape", {rows, 1, n})}, flat);
  }
  const std::string inner = is_rows ? name : writer.fresh(name + "_InstanceNormalization");
  const std::string normalized = is_rows ? site.output : writer.fresh(site.output + "_InstanceNormalization");
  const std::string one = writer.constant(inner + "_scale", Tensor::of_floats({1}, Floats{1}));
  const std::string zero = writer.constant(inner + "_bias", Tensor::of_floats({1}, Floats{0}));
  writer.node("InstanceNormalization", inner, {flat, one, zero}, normalized).number("epsilon", normalize.epsilon);
  if (!is_rows) writer.node("Reshape", name, {normalized, site.ints("shape", shape)}, site.output);
  return {};
}

Status write(const Site& site, const GridSample& sample) {
  constexpr std::array<std::string_view, 3> kOldNames = {"nearest", "bilinear", "bicubic"};
  const auto mode = static_cast<size_t>(sample.mode);
  site.make("GridSample")
      .integer("align_corners", sample.align_corners)
      .text("mode", site.writer.opset() < 20 ? kOldNames[mode] : kResizeModeNames[mode])
      .text("padding_mode", kGridPaddingNames[static_cast<size_t>(sample.padding)]);
  return {};
}

Status write(const Site& site, const RoiAlign& align) {
  site.make("RoiAlign")
      .text("coordinate_transformation_mode", align.half_pixel ? "half_pixel" : "output_half_pixel")
      .text("mode", align.maximum ? "max" : "avg")
      .integer("output_height", align.height)
      .integer("output_width", align.width)
      .integer("sampling_ratio", align.samples)
      .number("spatial_scale", align.scale);
  return {};
}

Status write(const Site& site, const Expand& expand) {
  site.make("Expand", {site.ints("shape", expand.shape)});
  return {};
}

Status write(const Site& site, const Where&) {
  site.make("Where");
  return {};
}

Status write(const Site& site, const Cast& cast) {
  site.make("Cast").integer("to", element_code(cast.to));
  return {};
}

Status write(const Site& site, const Convert&) { return site.writer.write_conversion(site.node); }

}  // namespace

Status write_node(OnnxWriter& writer, const Node& node) {
  if (std::holds_alternative<Convert>(node.op)) return writer.write_conversion(node);
  Site site{writer, node, {}, {}};
  for (ValueId input : node.inputs) {
    HT_ASSIGN(std::string name, writer.read(input));
    site.inputs.push_back(std::move(name));
  }
  site.output = writer.made_name(node.outputs.at(0));
  HT_TRY(std::visit([&](const auto& attributes) { return write(site, attributes); }, node.op));
  return writer.finish_made(node.outputs[0]);
}

}  // namespace ht
