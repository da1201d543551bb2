// SPDX-License-Identifier: Apache-2.0
#include "runtime/placement.h"

#include <algorithm>
#include <cstdlib>

#include "kernels/registry.h"

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
      packed_.reset(std::aligned_alloc(kAlignment, static_cast<size_t>(align(static_cast<int64_t>(bytes)))));
      kernel.pack(&params, packed_.get());
      params_.packed = packed_.get();
    }
  }
  std::string_view kernel() const override { return kernel_.name; }
  int32_t units() const override { return units_; }
  size_t scratch_bytes() const override { return kernel_.scratch_bytes(params_); }
  void run(const ht_arguments& arguments, int32_t begin, int32_t end) const override { kernel_.run(&params_, &arguments, begin, end); }

 private:
  const Kernel<Params>& kernel_;
  Params params_;
  int32_t units_;
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

// Whether values that share memory may share elements: columns of rows of one stride need not.
bool may_overlap(const Buffer& a, const Buffer& b) {
  const Region &p = a.region, &q = b.region;
  if (p.width == 0 || q.width == 0 || p.stride != q.stride) return true;
  const int64_t left = p.offset % p.stride, right = q.offset % q.stride;
  return left < right + q.width && right < left + p.width;
}

struct Life {
  BufferId buffer;
  int64_t bytes;
  size_t first, last;  // steps between which the bytes must stay
};

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
  placement->place_buffers();
  return placement;
}

// Largest first, each at the lowest offset where nothing that lives at the same time lies.
void Placement::place_buffers() {
  const Plan& p = *plan_;
  std::vector<Life> lives(p.buffers.size(), Life{{}, 0, SIZE_MAX, 0});
  std::vector<std::vector<size_t>> writers(p.buffers.size());  // of each memory, by the steps' order
  auto touch = [&](BufferId id, size_t step) {
    Life& life = lives[p.root(id).index];
    life.first = std::min(life.first, step);
    life.last = std::max(life.last, step);
  };
  for (BufferId input : p.inputs) touch(input, 0);
  for (size_t i = 0; i < p.steps.size(); ++i) {
    for (BufferId input : p.steps[i].inputs) touch(input, i);
    touch(p.steps[i].output, i);
    writers[p.root(p.steps[i].output).index].push_back(i);
  }
  for (BufferId output : p.outputs) touch(output, p.steps.size());
  for (size_t i = 0; i < p.buffers.size(); ++i) {
    if (!p.buffers[i].value.valid()) continue;
    const auto& steps = writers[p.root(BufferId(i)).index];
    const auto last = std::ranges::find_if(steps.rbegin(), steps.rend(), [&](size_t step) { return may_overlap(p.buffers[i], p.buffer(p.steps[step].output)); });
    if (last != steps.rend()) {
      finished_.push_back({BufferId(i), *last});
    } else if (!p.buffer(p.root(BufferId(i))).constant) {
      given_.push_back(BufferId(i));
    }
  }
  std::ranges::stable_sort(finished_, {}, &Finished::step);

  offsets_.assign(p.buffers.size(), 0);
  std::vector<Life> order;
  for (size_t i = 0; i < lives.size(); ++i)
    if (lives[i].first != SIZE_MAX && !p.buffers[i].constant) {
      lives[i].buffer = BufferId(i);
      lives[i].bytes = align(p.buffers[i].bytes());
      order.push_back(lives[i]);
    }
  std::ranges::stable_sort(order, [](const Life& a, const Life& b) { return a.bytes > b.bytes; });
  std::vector<Life> placed;  // by offset
  for (const Life& life : order) {
    int64_t offset = 0;
    for (const Life& other : placed) {
      const bool meets = life.first <= other.last && other.first <= life.last;
      const int64_t start = offsets_[other.buffer.index];
      if (!meets) continue;
      if (offset + life.bytes <= start) break;
      offset = std::max(offset, start + other.bytes);
    }
    offsets_[life.buffer.index] = offset;
    arena_bytes_ = std::max(arena_bytes_, offset + life.bytes);
    const auto after = std::ranges::upper_bound(placed, offset, {}, [&](const Life& other) { return offsets_[other.buffer.index]; });
    placed.insert(after, life);
  }
}

}  // namespace ht
