// SPDX-License-Identifier: Apache-2.0
#include "plan/prepare.h"

#include <algorithm>

#include "ir/dequantize.h"
#include "kernels/tables.h"
#include "plan/copy.h"

namespace ht {
namespace {

// A buffer seen as rows of its innermost axis.
struct Rows {
  int32_t rows, channels;
};

Rows rows_of(const Buffer& buffer) {
  const Shape shape = memory_shape(buffer.shape, buffer.layout);
  const int64_t channels = shape.empty() ? 1 : shape.back();
  return {static_cast<int32_t>(channels == 0 ? 0 : element_count(shape) / channels), static_cast<int32_t>(channels)};
}

// Whether parameters that vary can vary along the innermost axis in memory.
bool varies_innermost(const Affine& affine, size_t rank, Layout layout) {
  return affine.is_per_tensor() || (affine.axis() && memory_order(rank, layout).back() == *affine.axis());
}

Error scales_elsewhere(const std::string& value) {
  return unsupported("the scales of the value {} vary along an axis other than the channels; give it one scale a channel or one in all", value);
}

template <class T>
std::vector<T> narrow(const std::vector<int32_t>& values) {
  return {values.begin(), values.end()};
}

bool is_unsigned_type(DType dtype) { return dtype == DType::kUint8 || dtype == DType::kUint16; }

DType stored_type(DType dtype) { return dtype == DType::kUint8 ? DType::kInt8 : dtype == DType::kUint16 ? DType::kInt16 : dtype; }

// A step between float and 8-bit or 16-bit integers; `affine` are those of the integers, along the rows' innermost axis.
void set_conversion(Step& step, bool is_quantize, DType integers, const Rows& rows, const Affine& affine) {
  ht_convert_params params{};
  params.rows = rows.rows;
  params.channels = params.input_stride = params.output_stride = rows.channels;
  params.channel_step = affine.is_per_tensor() ? 0 : 1;
  params.scale = keep(step.arrays, affine.scales());
  if (integers == DType::kInt16) {
    step.kernel = is_quantize ? KernelId::k_quantize_s16 : KernelId::k_dequantize_s16;
    step.params = ht_convert_s16_params{params, keep(step.arrays, narrow<int16_t>(affine.zero_points()))};
  } else {
    step.kernel = is_quantize ? KernelId::k_quantize : KernelId::k_dequantize;
    params.zero_point = keep(step.arrays, narrow<int8_t>(affine.zero_points()));
    step.params = params;
  }
}

}  // namespace

bool is_stored(const TensorType& type) {
  return type.affine && type.affine->block() == 0 && (stored_type(type.dtype) == DType::kInt8 || stored_type(type.dtype) == DType::kInt16);
}

Affine stored_affine(const TensorType& type) {
  if (!is_unsigned_type(type.dtype)) return *type.affine;
  std::vector<int32_t> zero_points = type.affine->zero_points();
  for (int32_t& zero_point : zero_points) zero_point += static_cast<int32_t>(integer_range(stored_type(type.dtype)).min);
  auto affine = Affine::make(type.affine->shape(), type.affine->scales(), std::move(zero_points), type.affine->block());
  return *std::move(affine);  // the scales were valid before
}

ht_epilogue keep(std::vector<std::shared_ptr<const void>>& arrays, EpilogueData data) {
  auto shared = std::make_shared<const EpilogueData>(std::move(data));
  arrays.push_back(shared);
  return shared->view();
}

PrepareContext::PrepareContext(const Graph& graph, Policy policy, Plan& plan)
    : graph_(graph), links_(graph), plan_(plan), absorbed_(graph.nodes.size(), false), forms_(graph.values.size()) {
  plan_.policy = policy;
  for (ValueId input : graph.inputs) {
    const Value& value = graph.value(input);
    const BufferId id = add_buffer({value.name, value.type.dtype, value.type.shape, Layout::kPlain, value.type.affine, false, nullptr, {}, input});
    forms_[input.index].push_back({id, false, Layout::kPlain});
    plan_.inputs.push_back(id);
  }
}

void PrepareContext::begin(NodeId node) {
  node_ = result_node_ = node;
  pending_.clear();
}

void PrepareContext::absorb(NodeId reader) {
  absorbed_[reader.index] = true;
  result_node_ = reader;
}

BufferId PrepareContext::add_buffer(Buffer buffer) {
  if (buffer.affine && is_unsigned_type(buffer.dtype)) {
    buffer.affine = stored_affine({buffer.dtype, buffer.shape, buffer.affine});
    buffer.dtype = stored_type(buffer.dtype);
    buffer.is_unsigned = true;
  }
  plan_.buffers.push_back(std::move(buffer));
  return BufferId(plan_.buffers.size() - 1);
}

BufferId PrepareContext::temporary(std::string name, DType dtype, Shape shape, Layout layout) {
  return add_buffer({std::move(name), dtype, std::move(shape), layout, std::nullopt, false, nullptr, {}, {}});
}

BufferId PrepareContext::constant_buffer(const Tensor& tensor) {
  return add_buffer({node().name, tensor.dtype(), tensor.shape(), Layout::kPlain, std::nullopt, false,
                     std::make_shared<const std::vector<uint8_t>>(tensor.bytes().begin(), tensor.bytes().end()), {}, {}});
}

std::optional<Layout> PrepareContext::layout_of(size_t i) const {
  if (!has_input(i) || graph_.is_constant(node().inputs[i])) return std::nullopt;
  const auto& forms = forms_[node().inputs[i].index];
  return forms.empty() ? std::nullopt : std::optional(forms.front().layout);
}

Layout PrepareContext::preferred_layout() const {
  for (size_t i = 0; i < node().inputs.size(); ++i)
    if (layout_of(i) == Layout::kChannelsLast) return Layout::kChannelsLast;
  return Layout::kPlain;
}

BufferId PrepareContext::constant(ValueId id, bool as_float, Layout layout) {
  const Value& value = graph_.value(id);
  const Tensor tensor = as_float ? dequantize(*value.constant, value.type.affine) : *value.constant;
  auto bytes = to_layout(tensor, layout);
  if (!as_float && value.type.affine && is_unsigned_type(tensor.dtype())) flip_signs(tensor.dtype(), bytes);
  return add_buffer({value.name, tensor.dtype(), tensor.shape(), layout, as_float ? std::nullopt : value.type.affine, false,
                     std::make_shared<const std::vector<uint8_t>>(std::move(bytes)), {}, {}});
}

BufferId PrepareContext::find_or_make(ValueId id, bool as_float, Layout layout) {
  auto& forms = forms_[id.index];
  as_float = as_float && graph_.value(id).type.is_quantized();
  for (const Form& form : forms)
    if (form.is_float == as_float && form.layout == layout) return form.buffer;
  BufferId made;
  if (graph_.is_constant(id)) {
    made = constant(id, as_float, layout);
  } else {
    const auto right_type = std::ranges::find(forms, as_float, &Form::is_float);
    if (right_type != forms.end()) {
      made = relayout(right_type->buffer, layout);
    } else {
      const BufferId real = dequantize_step(forms.front().buffer);
      const Layout real_layout = plan_.buffer(real).layout;
      if (real_layout != layout) forms.push_back({real, as_float, real_layout});
      made = relayout(real, layout);
    }
  }
  forms.push_back({made, as_float, layout});
  return made;
}

BufferId PrepareContext::relayout(BufferId source, Layout layout) {
  const Buffer from = plan_.buffer(source);
  if (from.layout == layout) return source;
  Buffer to = from;
  to.layout = layout;
  to.value = {};
  if (same_memory(from.shape, from.layout, layout)) {
    to.alias_of = plan_.root(source);
    plan_.buffers.push_back(std::move(to));
    return BufferId(plan_.buffers.size() - 1);
  }
  to.alias_of = {};
  to.constant = nullptr;  // a copy of one is made by a step
  plan_.buffers.push_back(std::move(to));
  const BufferId target(plan_.buffers.size() - 1);
  const ht_copy_params copy = make_copy(dtype_size(from.dtype), from.shape, memory_order(from.shape.size(), layout),
                                        layout_strides(from.shape, from.layout), layout_strides(from.shape, layout));
  add_step({node().name, std::string(kLayoutOp), KernelId::k_copy, copy, {}, {source}, target, 0, false});
  return target;
}

BufferId PrepareContext::with_innermost(BufferId source, const Affine& affine) {
  const size_t rank = plan_.buffer(source).shape.size();
  for (Layout layout : {plan_.buffer(source).layout, Layout::kChannelsLast, Layout::kPlain})
    if (varies_innermost(affine, rank, layout)) return relayout(source, layout);
  return source;
}

BufferId PrepareContext::dequantize_step(BufferId source) {
  source = with_innermost(source, *plan_.buffer(source).affine);
  const Buffer from = plan_.buffer(source);
  const BufferId target = temporary(from.name, DType::kFloat32, from.shape, from.layout);
  const Rows rows = rows_of(from);
  Step step{node().name, "Convert", {}, {}, {}, {source}, target, 0, true};
  set_conversion(step, false, from.dtype, rows, *from.affine);
  add_step(std::move(step));
  return target;
}

Result<BufferId> PrepareContext::quantize(BufferId source, DType declared, const Affine& stored, std::string name) {
  const DType integers = stored_type(declared);
  if (plan_.buffer(source).affine) {
    const Affine affine = *plan_.buffer(source).affine;
    source = with_innermost(source, affine);
    const Buffer& made = plan_.buffer(source);
    if (!varies_innermost(affine, made.shape.size(), made.layout)) return scales_elsewhere(made.name);
    // Only between 8 bits and 8 bits a table does both, and where all scales vary along one axis.
    const bool along_one = stored.is_per_tensor() || affine.is_per_tensor() || stored.axis() == affine.axis();
    if (integers != DType::kInt8 || made.dtype != DType::kInt8 || !along_one) source = dequantize_step(source);
  }
  source = with_innermost(source, stored);
  const Buffer from = plan_.buffer(source);
  if (!varies_innermost(stored, from.shape.size(), from.layout)) return scales_elsewhere(from.name);
  Buffer to{std::move(name), integers, from.shape, from.layout, stored, is_unsigned_type(declared), nullptr, {}, {}};
  plan_.buffers.push_back(std::move(to));
  const BufferId target(plan_.buffers.size() - 1);
  const Rows rows = rows_of(from);
  Step step{node().name, "Convert", {}, {}, {}, {source}, target, 0, true};
  if (from.affine) {
    const bool by_channel = !stored.is_per_tensor() || !from.affine->is_per_tensor();
    const size_t axis = memory_order(from.shape.size(), from.layout).empty() ? 0 : memory_order(from.shape.size(), from.layout).back();
    const int64_t tables = by_channel ? rows.channels : 1;
    const auto in_scale = from.affine->scales_along(axis, tables), out_scale = stored.scales_along(axis, tables);
    const auto in_zero = from.affine->zero_points_along(axis, tables), out_zero = stored.zero_points_along(axis, tables);
    std::vector<int8_t> table;
    for (size_t c = 0; c < static_cast<size_t>(tables); ++c) {
      const auto part = int8_table([](double x) { return x; }, in_scale[c], in_zero[c], out_scale[c], out_zero[c]);
      table.insert(table.end(), part.begin(), part.end());
    }
    ht_table_params params{};
    params.rows = rows.rows;
    params.channels = params.input_stride = params.output_stride = rows.channels;
    params.table_step = by_channel ? 256 : 0;
    params.table = keep(step.arrays, std::move(table));
    step.kernel = KernelId::k_table;
    step.params = params;
  } else {
    set_conversion(step, true, integers, rows, stored);
  }
  add_step(std::move(step));
  return target;
}

BufferId PrepareContext::float_input(size_t i, Layout layout) { return find_or_make(node().inputs[i], true, layout); }
BufferId PrepareContext::integer_input(size_t i, Layout layout) { return find_or_make(node().inputs[i], false, layout); }
BufferId PrepareContext::raw_input(size_t i, Layout layout) { return find_or_make(node().inputs[i], false, layout); }

Result<BufferId> PrepareContext::integer_input_as(size_t i, Layout layout, DType declared, const Affine& stored) {
  const BufferId source = find_or_make(node().inputs[i], false, layout);
  const Buffer& buffer = plan_.buffer(source);
  if (buffer.affine == stored && buffer.dtype == stored_type(declared)) return source;
  HT_ASSIGN(const BufferId converted, quantize(source, declared, stored, buffer.name));
  return relayout(converted, layout);
}

BufferId PrepareContext::output(Layout layout, size_t i) {
  const ValueId id = graph_.node(result_node_).outputs[i];
  const Value& value = graph_.value(id);
  const BufferId buffer = add_buffer({value.name, value.type.dtype, value.type.shape, layout, value.type.affine, false, nullptr, {}, id});
  forms_[id.index].push_back({buffer, false, layout});
  return buffer;
}

Result<BufferId> PrepareContext::float_output(Layout layout, size_t i) {
  const ValueId id = graph_.node(result_node_).outputs[i];
  const Value& value = graph_.value(id);
  if (!value.type.is_quantized()) return output(layout, i);
  if (!is_stored(value.type))
    return unsupported("the value {} is quantized to {}; activations have 8 or 16 bits, and no scales in blocks, or are float", value.name, dtype_name(value.type.dtype));
  const BufferId source = temporary(value.name, DType::kFloat32, value.type.shape, layout);
  pending_.push_back({source, id});
  return source;
}

BufferId PrepareContext::integer_output(Layout layout, const Affine& computed, size_t i) {
  const ValueId id = graph_.node(result_node_).outputs[i];
  const Value& value = graph_.value(id);
  if (stored_affine(value.type) == computed) return output(layout, i);
  const BufferId source = temporary(value.name, stored_type(value.type.dtype), value.type.shape, layout);
  plan_.buffers[source.index].affine = computed;
  pending_.push_back({source, id});
  return source;
}

void PrepareContext::alias_output(BufferId input, Layout layout, size_t i) {
  const BufferId buffer = output(layout, i);
  plan_.buffers[buffer.index].alias_of = plan_.root(input);
}

void PrepareContext::add(KernelId kernel, KernelParams params, std::vector<std::shared_ptr<const void>> arrays, std::vector<BufferId> inputs,
                         BufferId output, int64_t macs) {
  add_step({node().name, std::string(op_name(node().op)), kernel, params, std::move(arrays), std::move(inputs), output, macs, false});
}

Status PrepareContext::finish() {
  for (const Pending& pending : pending_) {
    const Value& value = graph_.value(pending.value);
    HT_ASSIGN(const BufferId made, quantize(pending.source, value.type.dtype, stored_affine(value.type), value.name));
    plan_.buffers[made.index].value = pending.value;
    forms_[pending.value.index].push_back({made, false, plan_.buffer(made).layout});
  }
  pending_.clear();
  return {};
}

Status PrepareContext::finish_graph() {
  for (ValueId id : graph_.outputs) plan_.outputs.push_back(find_or_make(id, false, Layout::kPlain));
  return {};
}

}  // namespace ht
