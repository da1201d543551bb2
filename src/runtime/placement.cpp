// SPDX-License-Identifier: Apache-2.0
#include "runtime/placement.h"

#include <algorithm>
#include <cstdlib>

#include "kernels/conv_channels.h"
#include "kernels/registry.h"
#include "plan/arena.h"
#include "plan/in_place.h"

namespace ht {
namespace {

constexpr int64_t kAlignment = 64;

int64_t align(int64_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

struct FreeDeleter {
  void operator()(void* memory) const { std::free(memory); }
};

template <class Params>
class ListedStep final : public PlacedStep {
 public:
  ListedStep(const Kernel<Params>& kernel, const Params& params, int32_t (*count)(const Params&))
      : kernel_(kernel), params_(params), units_(count(params)) {
    if constexpr (requires { params_.packed; }) {
      const size_t bytes = kernel.packed_bytes(params);
      if (bytes == 0) return;
      packed_bytes_ = bytes;
      packed_.reset(std::aligned_alloc(kAlignment, static_cast<size_t>(align(static_cast<int64_t>(bytes)))));
      kernel.pack(&params, packed_.get());
      params_.packed = packed_.get();
    }
  }
  std::string_view kernel() const override { return kernel_.name; }
  int32_t units() const override { return units_; }
  size_t scratch_bytes() const override { return kernel_.scratch_bytes(params_); }
  size_t packed_bytes() const override { return packed_bytes_; }
  int32_t channel_blocks() const override {
    if constexpr (kIsConv) {
      if (params_.groups == 1) return (params_.output_channels + kChannelBlock - 1) / kChannelBlock;
    }
    return 1;
  }
  void run(const ht_arguments& arguments, const StepPart& part) const override {
    if constexpr (kIsConv) {
      if (part.last_block > 0) return run_channels(arguments, part);
    }
    kernel_.run(&params_, &arguments, part.begin, part.end);
  }

 private:
  static constexpr bool kIsConv = std::is_same_v<Params, ht_conv_params>;

  void run_channels(const ht_arguments& arguments, const StepPart& part) const {
    const int32_t first = part.first_block * kChannelBlock,
                  last = std::min(part.last_block * kChannelBlock, params_.output_channels);
    const ConvChannels channels = conv_channels(kernel_, params_, first, last - first);
    ht_arguments moved = arguments;
    moved.output = static_cast<char*>(moved.output) + channels.output_offset;
    kernel_.run(&channels.params, &moved, part.begin, part.end);
  }

  const Kernel<Params>& kernel_;
  Params params_;
  int32_t units_;
  size_t packed_bytes_ = 0;
  std::unique_ptr<void, FreeDeleter> packed_;
};

template <class Params>
const Kernel<Params>& choose_kernel(std::span<const Kernel<Params>> kernels, const Params& params, Isa isa, std::string_view wanted) {
  for (const Kernel<Params>& kernel : kernels)
    if (kernel.name == wanted && may_run(kernel, params, isa)) return kernel;
  return select_kernel(kernels, params, isa);
}

std::unique_ptr<PlacedStep> place_step(const Step& step, Isa isa, std::string_view wanted) {
  switch (step.kernel) {
#define HT_PLACE(name, Params)                                                                                     \
  case KernelId::k_##name: {                                                                                       \
    const auto& p = std::get<Params>(step.params);                                                                 \
    return std::make_unique<ListedStep<Params>>(choose_kernel(name##_kernels(), p, isa, wanted), p, name##_units); \
  }
    HT_KERNELS(HT_PLACE)
#undef HT_PLACE
  }
  return nullptr;
}

template <class Params>
std::vector<std::string_view> names_of(std::span<const Kernel<Params>> kernels, const Params& params, Isa isa) {
  std::vector<std::string_view> names;
  for (const Kernel<Params>& kernel : kernels)
    if (may_run(kernel, params, isa)) names.push_back(kernel.name);
  return names;
}

}  // namespace

std::vector<std::string_view> kernels_for(const Step& step, Isa isa) {
  switch (step.kernel) {
#define HT_NAMES(name, Params) \
  case KernelId::k_##name:     \
    return names_of(name##_kernels(), std::get<Params>(step.params), isa);
    HT_KERNELS(HT_NAMES)
#undef HT_NAMES
  }
  return {};
}

std::shared_ptr<const Placement> Placement::make(std::shared_ptr<const Plan> plan, Isa isa, const StepProvider& provider,
                                                 std::span<const std::string> kernels) {
  auto placement = std::shared_ptr<Placement>(new Placement);
  placement->plan_ = std::move(plan);
  for (const Step& step : placement->plan_->steps) {
    auto placed = provider ? provider(*placement->plan_, step) : nullptr;
    const size_t index = placement->steps_.size();
    if (!placed) placed = place_step(step, isa, index < kernels.size() ? std::string_view(kernels[index]) : std::string_view());
    placement->scratch_bytes_ = std::max(placement->scratch_bytes_, placed->scratch_bytes());
    placement->steps_.push_back(std::move(placed));
  }
  for (size_t i = 0; i < placement->steps_.size(); ++i)
    placement->units_until_function_.push_back(provider ? 0 : ht::units_until_function(*placement->plan_, i));
  placement->find_finished();
  placement->place_buffers();
  return placement;
}

void Placement::find_finished() {
  const Plan& p = *plan_;
  std::vector<std::vector<size_t>> writers(p.buffers.size());  // of each memory, by the steps' order
  for (size_t i = 0; i < p.steps.size(); ++i) writers[p.root(p.steps[i].output).index].push_back(i);
  for (size_t i = 0; i < p.buffers.size(); ++i) {
    if (!p.buffers[i].value.valid()) continue;
    const auto& steps = writers[p.root(BufferId(i)).index];
    const auto makes = [&](size_t step) {
      const bool writes_over = std::ranges::find(p.steps[step].inputs, BufferId(i)) != p.steps[step].inputs.end();
      return !writes_over && may_overlap(p.buffers[i], p.buffer(p.steps[step].output));
    };
    const auto last = std::ranges::find_if(steps.rbegin(), steps.rend(), makes);
    if (last != steps.rend()) {
      finished_.push_back({BufferId(i), *last});
    } else if (!p.buffer(p.root(BufferId(i))).constant) {
      given_.push_back(BufferId(i));
    }
  }
  std::ranges::stable_sort(finished_, {}, &Finished::step);
}

// Several threads compute one step and observers see its inputs as they were, so that nothing but a function in place writes over
// them.
void Placement::place_buffers() {
  constexpr int64_t kEffort = 1'000'000;  // a few milliseconds
  ArenaOptions options;
  options.alignment = kAlignment;
  options.effort = kEffort;
  ArenaPlan arena = plan_arena(*plan_, options);
  offsets_ = std::move(arena.offsets);
  arena_bytes_ = arena.bytes;
}

}  // namespace ht
