// SPDX-License-Identifier: Apache-2.0
// A plan whose first steps run by bands of rows computes what the plan does.
#include "plan/bands.h"

#include <gtest/gtest.h>

#include "row_net.h"

namespace ht {
namespace {

// A network that is given no more of its inputs before each band than the rows which that one reads.
std::vector<Tensor> run_with_rows(const BandedPlan& cut, const std::shared_ptr<const Plan>& plan, const std::vector<Tensor>& inputs) {
  ArenaOptions options;
  options.own_inputs = false;
  Bundle bundle(plan, options);
  size_t band = 0;
  bundle.before_step = [&](size_t step) {
    if (band == cut.bands.size() || cut.bands[band].first_step != step) return;
    for (size_t i = 0; i < inputs.size(); ++i) {
      const RowRange rows = cut.bands[band].input_rows[i];
      const Shape& shape = plan->buffer(plan->inputs[i]).shape;
      uint8_t* memory = bundle.memory_of(plan->inputs[i]);
      for (int64_t at = 0; at < element_count(shape); ++at) {
        const int64_t row = at / shape[3] % shape[2];
        memory[at] = row >= rows.first && row < rows.last ? inputs[i].bytes()[static_cast<size_t>(at)] : 0x33;
      }
    }
    ++band;
  };
  return bundle.run(inputs);
}

TEST(Bands, AnyNetworkComputesTheSame) {
  int banded = 0, repeated = 0, kept = 0;
  for (uint64_t seed = 0; seed < 600; ++seed) {
    SCOPED_TRACE(seed);
    RowNet net = any_row_net(seed);
    const auto plan = plan_of(net);
    const std::vector<Tensor> inputs = inputs_of(net);
    const auto expected = Session(Placement::make(plan, Isa::kBest), 1).run(inputs);
    ASSERT_TRUE(expected);
    const size_t most = steps_by_rows(*plan);
    BandChoice choice{static_cast<size_t>(net.below(static_cast<int64_t>(most) + 1)), 1 + net.below(6), {}};
    if (seed % 2 == 0)
      for (size_t i = 0; i < plan->buffers.size(); ++i) choice.repeat.push_back(net.below(2) == 0);
    const auto cut = cut_into_bands(*plan, choice);
    if (!cut) continue;
    banded += cut->bands.size() > 1;
    repeated += cut->extra_macs > 0;
    kept += cut->kept_bytes > 0;
    if (choice.repeat.empty()) {
      EXPECT_LE(cut->extra_macs, 0);
    }
    const auto cut_plan = std::make_shared<const Plan>(cut->plan);
    const auto placement = Placement::make(cut_plan, Isa::kBest);
    for (int threads : {1, 2}) {
      const auto found = Session(placement, threads).run(inputs);
      ASSERT_TRUE(found);
      EXPECT_TRUE(*found == *expected) << threads;
    }
    ArenaOptions options;
    options.overlap = true;
    options.reorder = seed % 3 == 0;
    options.alignment = seed % 4 == 0 ? 4 : 16;
    options.effort = 50'000;
    Bundle bundle(cut_plan, options);
    EXPECT_TRUE(bundle.run(inputs) == *expected);
    EXPECT_TRUE(bundle.guard_holds());
    if (choice.steps == most) {
      EXPECT_TRUE(run_with_rows(*cut, cut_plan, inputs) == *expected);
    }
    if (HasFailure()) break;
  }
  EXPECT_GT(banded, 300);
  EXPECT_GT(repeated, 50);
  EXPECT_GT(kept, 100);
}

}  // namespace
}  // namespace ht
