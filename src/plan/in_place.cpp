// SPDX-License-Identifier: Apache-2.0
#include "plan/in_place.h"

#include <algorithm>
#include <numeric>

namespace ht {
namespace {

// The rows that a step makes of floats without gaps, each a unit of its kernel; 0 where it does not.
template <class P>
int64_t float_rows(const P& p) {
  if constexpr (requires { p.conv; }) {
    return float_rows(p.conv);
  } else if constexpr (requires {
                         p.output_height;
                         p.output_stride;
                         p.kernel_height;
                         p.batch;
                       }) {
    int64_t channels = 0;
    if constexpr (requires { p.output_channels; }) channels = p.output_channels;
    if constexpr (requires { p.channel_multiplier; }) channels = int64_t{p.input_channels} * p.channel_multiplier;
    if constexpr (requires { p.epilogue; })
      if (p.epilogue.output != HT_OUTPUT_F32 || p.epilogue.plane != 0) return 0;
    return channels == p.output_stride ? int64_t{p.batch} * p.output_height : 0;
  } else {
    return 0;
  }
}

}  // namespace

void compute_in_place(Plan& plan) {
  std::vector<int32_t> touched(plan.buffers.size(), 0);
  for (const Step& step : plan.steps) {
    for (BufferId input : step.inputs) ++touched[plan.root(input).index];
    ++touched[plan.root(step.output).index];
  }
  for (const auto* list : {&plan.inputs, &plan.outputs})
    for (BufferId id : *list) ++touched[plan.root(id).index];
  for (const Buffer& buffer : plan.buffers)
    if (buffer.alias_of.valid()) ++touched[buffer.alias_of.index];
  for (size_t i = 1; i < plan.steps.size(); ++i) {
    const Step& step = plan.steps[i];
    if (step.kernel != KernelId::k_unary_f32) continue;
    const BufferId from = step.inputs[0], to = step.output;
    const bool is_alone =
        touched[from.index] == 2 && plan.steps[i - 1].output == from && plan.root(from) == from && !plan.buffer(from).constant;
    if (!is_alone || plan.root(to) != to || plan.buffer(from).bytes() != plan.buffer(to).bytes()) continue;
    plan.buffers[from.index].alias_of = to;
    ++touched[to.index];
  }
}

int32_t units_until_function(const Plan& plan, size_t step) {
  if (step + 1 >= plan.steps.size()) return 0;
  const Step &first = plan.steps[step], &second = plan.steps[step + 1];
  if (second.kernel != KernelId::k_unary_f32 || second.inputs[0] != first.output || plan.root(first.output) != second.output)
    return 0;
  const int64_t rows = std::visit([](const auto& params) { return float_rows(params); }, first.params);
  const int64_t count = std::get<ht_unary_f32_params>(second.params).count;
  if (rows == 0 || count == 0 || count % rows != 0) return 0;
  const int64_t units = HT_UNARY_BLOCK / std::gcd<int64_t>(HT_UNARY_BLOCK, count / rows);
  return units < rows ? static_cast<int32_t>(units) : 0;
}

}  // namespace ht
