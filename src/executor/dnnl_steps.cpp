// SPDX-License-Identifier: Apache-2.0
#include "executor/dnnl_steps.h"

#include <cmath>
#include <unordered_map>

#include "executor/dnnl.h"

namespace ht {
namespace {

using dnnl::memory;
using Tag = memory::format_tag;

const dnnl::engine& cpu() {
  static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

memory::desc f32(const memory::dims& dims, Tag tag) { return {dims, memory::data_type::f32, tag}; }

// Constant data in the layout that a primitive prefers.
memory reordered(const float* data, const memory::desc& from, const memory::desc& to) {
  memory source(from, cpu(), const_cast<float*>(data));  // NOLINT: oneDNN takes constants as void*
  memory target(to, cpu());
  dnnl::stream stream(cpu());
  dnnl::reorder(source, target).execute(stream, source, target);
  stream.wait();
  return target;
}

// A primitive of one input, constant weights and one output, that runs whole. Scratch memory is the session's, so that one
// step can run on several threads.
class DnnlStep final : public PlacedStep {
 public:
  DnnlStep(std::string name, dnnl::primitive primitive, memory::desc source, memory::desc target, memory::desc scratch, memory weights, memory bias)
      : name_(std::move(name)),
        primitive_(std::move(primitive)),
        source_(std::move(source)),
        target_(std::move(target)),
        scratch_(std::move(scratch)),
        weights_(std::move(weights)),
        bias_(std::move(bias)) {}

  std::string_view kernel() const override { return name_; }
  int32_t units() const override { return 1; }
  size_t scratch_bytes() const override { return scratch_.get_size(); }

  void run(const ht_arguments& arguments, const StepPart&) const override {
    std::unordered_map<int, memory> bound;
    bound.emplace(DNNL_ARG_SRC, memory(source_, cpu(), const_cast<void*>(arguments.inputs[0])));  // NOLINT: as above
    bound.emplace(DNNL_ARG_DST, memory(target_, cpu(), arguments.output));
    bound.emplace(DNNL_ARG_WEIGHTS, weights_);
    if (bias_) bound.emplace(DNNL_ARG_BIAS, bias_);
    if (scratch_.get_size() > 0) bound.emplace(DNNL_ARG_SCRATCHPAD, memory(scratch_, cpu(), arguments.scratch));
    dnnl::stream stream(cpu());
    primitive_.execute(stream, bound);
    stream.wait();
  }

 private:
  std::string name_;
  dnnl::primitive primitive_;
  memory::desc source_, target_, scratch_;
  memory weights_, bias_;
};

dnnl::primitive_attr user_scratchpad() {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attributes;
}

struct ConvShape {
  memory::dims source, weights, target, strides, dilations, pads_begin, pads_end;
  Tag weights_tag;  // how the plan holds them
};

template <class Params>
ConvShape conv_shape(const Params& p, int64_t outputs) {
  ConvShape s;
  s.source = {p.batch, p.input_channels, p.input_height, p.input_width};
  s.target = {p.batch, outputs, p.output_height, p.output_width};
  s.strides = {p.stride_height, p.stride_width};
  s.dilations = {p.dilation_height - 1, p.dilation_width - 1};
  s.pads_begin = {p.pad_top, p.pad_left};
  auto pad_end = [](int64_t in, int64_t out, int64_t stride, int64_t kernel, int64_t dilation, int64_t begin) {
    return (out - 1) * stride + (kernel - 1) * dilation + 1 - in - begin;
  };
  s.pads_end = {pad_end(p.input_height, p.output_height, p.stride_height, p.kernel_height, p.dilation_height, p.pad_top),
                pad_end(p.input_width, p.output_width, p.stride_width, p.kernel_width, p.dilation_width, p.pad_left)};
  return s;
}

std::unique_ptr<PlacedStep> conv_step(const ConvShape& s, const float* weights, const float* bias, int64_t outputs) {
  const auto source = f32(s.source, Tag::nhwc), target = f32(s.target, Tag::nhwc);
  const auto any_weights = f32(s.weights, Tag::any);
  const auto bias_desc = bias ? f32({outputs}, Tag::x) : memory::desc();
  const dnnl::convolution_forward::desc desc(dnnl::prop_kind::forward_inference, dnnl::algorithm::convolution_direct, source, any_weights,
                                             bias_desc, target, s.strides, s.dilations, s.pads_begin, s.pads_end);
  const dnnl::convolution_forward::primitive_desc primitive(desc, user_scratchpad(), cpu());
  memory bias_memory;
  if (bias) bias_memory = reordered(bias, bias_desc, bias_desc);
  return std::make_unique<DnnlStep>(primitive.impl_info_str(), dnnl::convolution_forward(primitive), source, target,
                                    primitive.scratchpad_desc(), reordered(weights, f32(s.weights, s.weights_tag), primitive.weights_desc()),
                                    std::move(bias_memory));
}

std::unique_ptr<PlacedStep> step_of(const ht_conv_f32_params& p) {
  if (p.minimum != -INFINITY || p.maximum != INFINITY || p.input_stride != p.input_channels || p.output_stride != p.output_channels) return nullptr;
  ConvShape s = conv_shape(p, p.output_channels);
  const int64_t groups = p.groups, out = p.output_channels / groups, in = p.input_channels / groups;
  s.weights = groups == 1 ? memory::dims{out, in, p.kernel_height, p.kernel_width} : memory::dims{groups, out, in, p.kernel_height, p.kernel_width};
  s.weights_tag = groups == 1 ? Tag::acdb : Tag::abdec;
  if (groups != 1) {
    // The plan holds [outputs][kernel][channels]; described by strides, for which oneDNN has no tag with groups.
    const int64_t taps = int64_t{p.kernel_height} * p.kernel_width;
    const memory::desc held(s.weights, memory::data_type::f32, memory::dims{out * taps * in, taps * in, 1, p.kernel_width * in, in});
    memory plain = reordered(p.weights, held, f32(s.weights, Tag::goihw));
    s.weights_tag = Tag::goihw;
    return conv_step(s, static_cast<const float*>(plain.get_data_handle()), p.bias, p.output_channels);
  }
  return conv_step(s, p.weights, p.bias, p.output_channels);
}

std::unique_ptr<PlacedStep> step_of(const ht_depthwise_f32_params& p) {
  const int64_t outputs = int64_t{p.input_channels} * p.channel_multiplier;
  if (p.minimum != -INFINITY || p.maximum != INFINITY || p.input_stride != p.input_channels || p.output_stride != outputs) return nullptr;
  ConvShape s = conv_shape(p, outputs);
  s.weights = {p.input_channels, p.channel_multiplier, 1, p.kernel_height, p.kernel_width};
  const memory::desc held(s.weights, memory::data_type::f32,
                          memory::dims{p.channel_multiplier, 1, 1, p.kernel_width * outputs, outputs});
  memory plain = reordered(p.weights, held, f32(s.weights, Tag::goihw));
  s.weights_tag = Tag::goihw;
  return conv_step(s, static_cast<const float*>(plain.get_data_handle()), p.bias, outputs);
}

std::unique_ptr<PlacedStep> step_of(const ht_gemm_f32_params& p) {
  const bool is_plain = p.weights && p.batch == 1 && p.alpha == 1 && p.beta == 1 && p.a_stride == p.depth && p.b_stride == p.depth &&
                        p.output_stride == p.columns;
  if (!is_plain) return nullptr;
  const auto source = f32({p.rows, p.depth}, Tag::ab), target = f32({p.rows, p.columns}, Tag::ab);
  const auto bias_desc = p.bias ? f32({p.columns}, Tag::x) : memory::desc();
  const memory::dims weights_dims{p.columns, p.depth};
  const dnnl::inner_product_forward::desc desc(dnnl::prop_kind::forward_inference, source, f32(weights_dims, Tag::any), bias_desc, target);
  const dnnl::inner_product_forward::primitive_desc primitive(desc, user_scratchpad(), cpu());
  memory bias_memory;
  if (p.bias) bias_memory = reordered(p.bias, bias_desc, bias_desc);
  return std::make_unique<DnnlStep>(primitive.impl_info_str(), dnnl::inner_product_forward(primitive), source, target,
                                    primitive.scratchpad_desc(), reordered(p.weights, f32(weights_dims, Tag::ab), primitive.weights_desc()),
                                    std::move(bias_memory));
}

}  // namespace

std::unique_ptr<PlacedStep> dnnl_step(const Plan&, const Step& step) {
  try {
    if (const auto* conv = std::get_if<ht_conv_f32_params>(&step.params)) return step_of(*conv);
    if (const auto* depthwise = std::get_if<ht_depthwise_f32_params>(&step.params)) return step_of(*depthwise);
    if (const auto* gemm = std::get_if<ht_gemm_f32_params>(&step.params)) return step_of(*gemm);
  } catch (const dnnl::error&) {
    // oneDNN has no implementation for this shape: the normative kernel computes it.
  }
  return nullptr;
}

}  // namespace ht
