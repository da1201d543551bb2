// SPDX-License-Identifier: Apache-2.0
// Every kernel that bundles have, with its output as near to its input as clearance() allows, gives what it gives elsewhere.
#include "plan/overlap.h"

#include <gtest/gtest.h>

#include "kernels/cortex_m/registry.h"
#include "kernels/registry.h"
#include "row_net.h"

namespace ht {
namespace {

using Bytes = std::vector<uint8_t>;

// Input and output in one memory, the input `distance` bytes behind the output's beginning, or behind its end.
template <class Params>
Bytes run_in(const Kernel<Params>& kernel, Params params, int32_t units, const Bytes& input, size_t output_bytes, size_t distance) {
  Bytes memory(std::max(distance + input.size(), output_bytes) + 64, 0x5a);
  std::vector<uint32_t> scratch(kernel.scratch_bytes(params) / 4 + 1), packed(kernel.packed_bytes(params) / 4 + 1);
  if (kernel.packed_bytes(params) > 0) kernel.pack(&params, packed.data());
  if constexpr (requires { params.packed; }) params.packed = packed.data();
  std::ranges::copy(input, memory.begin() + static_cast<std::ptrdiff_t>(distance));
  ht_arguments arguments{};
  arguments.inputs[0] = memory.data() + distance;
  arguments.output = memory.data();
  arguments.scratch = scratch.data();
  kernel.run(&params, &arguments, 0, units);
  return {memory.begin(), memory.begin() + static_cast<std::ptrdiff_t>(output_bytes)};
}

struct Found {
  int kernels = 0, overlaps = 0;
};

template <class Params>
void check(const Kernel<Params>& kernel, const Plan& plan, const Step& step, const Params& params, int32_t units, Net& net, Found& found) {
  if (kernel.accepts && !kernel.accepts(params)) return;
  const Buffer& input = plan.buffer(plan.root(step.inputs[0]));
  const auto output_bytes = static_cast<size_t>(plan.buffer(plan.root(step.output)).bytes());
  const auto needed = clearance(plan, step, plan.root(step.inputs[0]));
  if (!needed || plan.root(step.inputs[0]) == plan.root(step.output) || input.constant) return;
  if (plan.buffer(step.inputs[0]).region.offset != 0 || plan.buffer(step.output).region.offset != 0) return;
  Bytes bytes(static_cast<size_t>(input.bytes()));
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(net.below(256));
  const Bytes apart = run_in(kernel, params, units, bytes, output_bytes, output_bytes);
  EXPECT_TRUE(run_in(kernel, params, units, bytes, output_bytes, static_cast<size_t>(*needed)) == apart) << kernel.name;
  ++found.kernels;
  found.overlaps += static_cast<size_t>(*needed) < output_bytes;
}

TEST(Overlap, NoKernelReadsWhatItHasOverwritten) {
  Found found;
  for (uint64_t seed = 0; seed < 400; ++seed) {
    SCOPED_TRACE(seed);
    RowNet net = any_row_net(seed);
    if (seed % 4 != 0) net.graph.metadata[std::string(kPolicyKey)] = "fixed-single";
    const auto plan = plan_of(net);
    for (const Step& step : plan->steps) {
      if (const auto* conv = std::get_if<ht_conv_params>(&step.params)) {
        check(conv_kernels().back(), *plan, step, *conv, ht_conv_units(conv), net, found);
        for (CortexM cpu : {CortexM::kM3, CortexM::kM4, CortexM::kM7, CortexM::kM55})
          for (const auto& row : cortex_m_conv_kernels(cpu)) check(row.kernel, *plan, step, *conv, ht_conv_units(conv), net, found);
      } else if (const auto* depthwise = std::get_if<ht_depthwise_params>(&step.params)) {
        check(depthwise_kernels().back(), *plan, step, *depthwise, ht_depthwise_units(depthwise), net, found);
        for (CortexM cpu : {CortexM::kM3, CortexM::kM4, CortexM::kM7, CortexM::kM55})
          for (const auto& row : cortex_m_depthwise_kernels(cpu)) check(row.kernel, *plan, step, *depthwise, ht_depthwise_units(depthwise), net, found);
      } else if (const auto* pool = std::get_if<ht_pool_params>(&step.params)) {
        check(pool_kernels().back(), *plan, step, *pool, ht_pool_units(pool), net, found);
      } else if (const auto* table = std::get_if<ht_table_params>(&step.params)) {
        check(table_kernels().back(), *plan, step, *table, ht_table_units(table), net, found);
      }
    }
    if (HasFailure()) break;
  }
  EXPECT_GT(found.kernels, 2000);
  EXPECT_GT(found.overlaps, found.kernels / 2);
}

}  // namespace
}  // namespace ht
