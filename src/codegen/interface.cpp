// SPDX-License-Identifier: Apache-2.0
#include "codegen/interface.h"

#include <algorithm>

namespace ht {
namespace {

bool is_quantize(const Step& step) { return step.kernel == KernelId::k_quantize || step.kernel == KernelId::k_quantize_s16; }
bool is_dequantize(const Step& step) { return step.kernel == KernelId::k_dequantize || step.kernel == KernelId::k_dequantize_s16; }
// The copy that a plan makes to change a value's layout moves all of it.
bool is_relayout(const Step& step) { return step.kernel == KernelId::k_copy && step.op == kLayoutOp; }

bool is_given(const Plan& plan, BufferId root) {
  const auto in = [&](BufferId id) { return plan.root(id) == root; };
  return std::ranges::any_of(plan.inputs, in) || std::ranges::any_of(plan.outputs, in);
}

// The only step for which the test holds; the end where there are none or several.
template <class Test>
std::vector<Step>::iterator only_step(Plan& plan, Test test) {
  const auto first = std::ranges::find_if(plan.steps, test);
  return first != plan.steps.end() && std::any_of(first + 1, plan.steps.end(), test) ? plan.steps.end() : first;
}

bool reads(const Plan& plan, const Step& step, BufferId root) {
  return std::ranges::any_of(step.inputs, [&](BufferId id) { return plan.root(id) == root; });
}

bool is_own(const Plan& plan, BufferId id) { return plan.root(id) == id; }

// The memory that the value lies in, where both are the same value.
BufferId without_alias(const Plan& plan, BufferId id) {
  const Buffer &buffer = plan.buffer(id), &root = plan.buffer(plan.root(id));
  const bool is_same = buffer.dtype == root.dtype && buffer.shape == root.shape && buffer.layout == root.layout && buffer.affine == root.affine && buffer.region.width == 0;
  return is_same ? plan.root(id) : id;
}

bool step_over_input(Plan& plan, BufferId& input) {
  if (std::ranges::any_of(plan.outputs, [&](BufferId id) { return plan.root(id) == input; })) return false;
  const auto step = only_step(plan, [&](const Step& other) { return reads(plan, other, input); });
  if (step == plan.steps.end() || (!is_quantize(*step) && !is_relayout(*step)) || !is_own(plan, step->output)) return false;
  if (plan.buffer(step->inputs[0]).shape != plan.buffer(input).shape || is_given(plan, step->output)) return false;
  plan.buffers[step->output.index].name = plan.buffer(input).name;
  input = step->output;
  plan.steps.erase(step);
  return true;
}

bool step_over_output(Plan& plan, BufferId& output) {
  const BufferId made = without_alias(plan, output);
  if (!is_own(plan, made) || std::ranges::count_if(plan.outputs, [&](BufferId id) { return plan.root(id) == made; }) != 1) return false;
  if (std::ranges::any_of(plan.steps, [&](const Step& other) { return reads(plan, other, made); })) return false;
  const auto step = only_step(plan, [&](const Step& other) { return plan.root(other.output) == made; });
  if (step == plan.steps.end() || (!is_dequantize(*step) && !is_relayout(*step))) return false;
  const BufferId source = without_alias(plan, step->inputs[0]);
  if (!is_own(plan, source) || plan.buffer(source).constant || is_given(plan, source)) return false;
  plan.buffers[source.index].name = plan.buffer(output).name;
  output = source;
  plan.steps.erase(step);
  return true;
}

// Whether the output's elements are all of its memory, in order.
bool is_whole(const Plan& plan, BufferId id) {
  const Buffer &buffer = plan.buffer(id), &root = plan.buffer(plan.root(id));
  return buffer.region.offset == 0 && buffer.region.width == 0 && buffer.bytes() == root.bytes();
}

BufferId copy_of(Plan& plan, BufferId from) {
  const Buffer source = plan.buffer(from);
  Buffer target = source;
  target.alias_of = {};
  target.region = {};
  target.value = {};
  plan.buffers.push_back(std::move(target));
  const BufferId to(plan.buffers.size() - 1);
  const auto count = element_count(source.shape);
  const Region rows = source.region.width == 0 ? Region{0, count, count} : source.region;
  ht_copy_params copy{};
  copy.element_bytes = static_cast<int32_t>(dtype_size(source.dtype));
  copy.rank = 2;
  copy.shape[0] = static_cast<int32_t>(rows.width == 0 ? 0 : count / rows.width);
  copy.shape[1] = static_cast<int32_t>(rows.width);
  copy.input_stride[0] = static_cast<int32_t>(rows.stride);
  copy.output_stride[0] = static_cast<int32_t>(rows.width);
  copy.input_stride[1] = copy.output_stride[1] = 1;
  plan.steps.push_back({source.name, "Output", KernelId::k_copy, copy, {}, {from}, to, 0, false});
  return to;
}

}  // namespace

void use_inner_values(Plan& plan) {
  for (BufferId& input : plan.inputs)
    while (step_over_input(plan, input)) {
    }
  for (BufferId& output : plan.outputs)
    while (step_over_output(plan, output)) {
    }
}

void separate_outputs(Plan& plan) {
  for (size_t i = 0; i < plan.outputs.size(); ++i) {
    const BufferId root = plan.root(plan.outputs[i]);
    const auto is_same = [&](BufferId id) { return plan.root(id) == root; };
    const bool is_taken = plan.buffer(root).constant || std::ranges::any_of(plan.inputs, is_same) ||
                          std::any_of(plan.outputs.begin(), plan.outputs.begin() + static_cast<std::ptrdiff_t>(i), is_same);
    if (is_taken || !is_whole(plan, plan.outputs[i])) plan.outputs[i] = copy_of(plan, plan.outputs[i]);
  }
}

}  // namespace ht
