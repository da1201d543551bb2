// SPDX-License-Identifier: Apache-2.0
#include "runtime/session.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <new>

namespace ht {

struct Session::Aligned {
  static constexpr size_t kAlignment = 64;
  explicit Aligned(size_t size)
      : memory(static_cast<uint8_t*>(std::aligned_alloc(kAlignment, (size / kAlignment + 1) * kAlignment))) {
    if (!memory) throw std::bad_alloc();
  }
  ~Aligned() { std::free(memory); }
  Aligned(const Aligned&) = delete;
  Aligned& operator=(const Aligned&) = delete;
  uint8_t* memory;
};

namespace {
int64_t offset_bytes(const Buffer& buffer) { return buffer.region.offset * dtype_size(buffer.dtype); }
}  // namespace

// A step cut into parts: units, which start at multiples of the grain where there is one, for each of so many groups of blocks of
// output channels.
struct Session::Cut {
  Session* session = nullptr;
  size_t step = 0;
  int64_t grain = 0, units = 0, parts = 1;
  int64_t channel_parts = 1, blocks = 1;

  int64_t whole() const { return std::max<int64_t>(grain, 1); }
  int64_t begin_of(int64_t part) const { return part == parts ? units : units * part / parts / whole() * whole(); }
  int64_t all_parts() const { return parts * channel_parts; }
  void operator()(int64_t index, int worker) const {
    const int64_t part = index % parts, channels = index / parts;
    const int64_t begin = begin_of(part), end = begin_of(part + 1);
    if (grain != 0) return session->run_units_and_function(step, worker, begin, end, grain);
    StepPart of{static_cast<int32_t>(begin), static_cast<int32_t>(end)};
    if (channel_parts > 1) {
      of.first_block = static_cast<int32_t>(blocks * channels / channel_parts);
      of.last_block = static_cast<int32_t>(blocks * (channels + 1) / channel_parts);
    }
    session->run_part(step, worker, of);
  }
};

Session::Session(std::shared_ptr<const Placement> placement, int threads) : Session(std::move(placement), threads, {}) {
  pool_ = std::make_unique<ThreadPool>(threads, WorkerCores::kOwn);
}

Session::Session(std::shared_ptr<const Placement> placement, int threads, ParallelFor parallel)
    : placement_(std::move(placement)),
      parallel_(std::move(parallel)),
      threads_(threads),
      arena_(std::make_unique<Aligned>(static_cast<size_t>(placement_->arena_bytes()))),
      scratch_(std::make_unique<Aligned>((placement_->scratch_bytes() + Aligned::kAlignment) * static_cast<size_t>(threads))),
      needs_copy_(plan().buffers.size()),
      lent_(plan().buffers.size()),
      lent_outputs_(plan().buffers.size()) {
  for (const Step& step : plan().steps) needs_copy_[plan().root(step.output).index] = true;
  for (BufferId output : plan().outputs) needs_copy_[plan().root(output).index] = true;
  for (BufferId output : plan().outputs) can_be_lent_.push_back(is_alone(output));
  cuts_.resize(plan().steps.size());
}

Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;
Session::~Session() = default;

void Session::set_profile(std::vector<double>* seconds) {
  profile_ = seconds;
  if (profile_) profile_->resize(plan().steps.size(), 0.0);
}

const uint8_t* Session::bytes_of(BufferId id) const {
  const BufferId root = plan().root(id);
  const Buffer& buffer = plan().buffer(root);
  if (!lent_[root.index] && !buffer.constant) return memory_of(id);
  return (lent_[root.index] ? lent_[root.index] : buffer.constant->data()) + offset_bytes(plan().buffer(id));
}

uint8_t* Session::memory_of(BufferId id) const {
  const BufferId root = plan().root(id);
  uint8_t* memory = lent_outputs_[root.index] ? lent_outputs_[root.index] : arena_->memory + placement_->offset(root);
  return memory + offset_bytes(plan().buffer(id));
}

void Session::observe(BufferId id) {
  const Buffer& buffer = plan().buffer(id);
  const auto size = static_cast<size_t>(buffer.bytes());
  uint8_t* memory = memory_of(id);
  const auto width = static_cast<size_t>(buffer.region.width * dtype_size(buffer.dtype));
  if (width == 0 || width == size) return observer_(buffer, {memory, size});
  const auto stride = static_cast<size_t>(buffer.region.stride * dtype_size(buffer.dtype));
  std::vector<uint8_t> rows(size);
  for (size_t row = 0; row < size / width; ++row) std::memcpy(rows.data() + row * width, memory + row * stride, width);
  observer_(buffer, rows);
  for (size_t row = 0; row < size / width; ++row) std::memcpy(memory + row * stride, rows.data() + row * width, width);
}

Status Session::check_input(size_t index, DType dtype, const Shape& shape) const {
  const Buffer& buffer = plan().buffer(plan().inputs[index]);
  if (dtype == buffer.declared() && shape == buffer.shape) return {};
  return input_error("the input {} is {} of shape {}, but {} of shape {} was given", buffer.name, dtype_name(buffer.declared()),
                     shape_text(buffer.shape), dtype_name(dtype), shape_text(shape));
}

Status Session::set_input(size_t index, DType dtype, const Shape& shape, std::span<const uint8_t> bytes) {
  HT_TRY(check_input(index, dtype, shape));
  const BufferId id = plan().inputs[index];
  const Buffer& buffer = plan().buffer(id);
  lent_[plan().root(id).index] = nullptr;
  uint8_t* memory = memory_of(id);
  std::memcpy(memory, bytes.data(), bytes.size());
  if (buffer.is_unsigned) flip_signs(buffer.dtype, {memory, bytes.size()});
  return {};
}

Status Session::lend_input(size_t index, DType dtype, const Shape& shape, std::span<const uint8_t> bytes) {
  const BufferId id = plan().inputs[index];
  const Buffer& buffer = plan().buffer(id);
  // An observer may change what it sees.
  if (buffer.is_unsigned || buffer.alias_of.valid() || needs_copy_[id.index] || observer_)
    return set_input(index, dtype, shape, bytes);
  HT_TRY(check_input(index, dtype, shape));
  lent_[id.index] = bytes.data();
  return {};
}

// Where a step writes the output's memory, all of it, for this output alone.
bool Session::is_alone(BufferId output) const {
  const BufferId root = plan().root(output);
  const auto shares = [&](BufferId other) { return plan().root(other) == root; };
  const auto writes = [&](const Step& step) { return shares(step.output); };
  return plan().buffer(output).bytes() == plan().buffer(root).bytes() && std::ranges::count_if(plan().outputs, shares) == 1 &&
         std::ranges::none_of(plan().inputs, shares) && std::ranges::any_of(plan().steps, writes);
}

// Whether a lent input shares memory with these bytes.
bool Session::holds_input(std::span<const uint8_t> bytes) const {
  return std::ranges::any_of(plan().inputs, [&](BufferId input) {
    const uint8_t* lent = lent_[plan().root(input).index];
    const std::less<> before;
    return lent && before(lent, bytes.data() + bytes.size()) && before(bytes.data(), lent + plan().buffer(input).bytes());
  });
}

void Session::lend_output(size_t index, std::span<uint8_t> bytes) {
  if (can_be_lent_[index] && !holds_input(bytes)) lent_outputs_[plan().root(plan().outputs[index]).index] = bytes.data();
}

void Session::read_output(size_t index, std::span<uint8_t> bytes) {
  const BufferId id = plan().outputs[index];
  const Buffer& buffer = plan().buffer(id);
  const uint8_t* from = bytes_of(id);
  if (!bytes.empty() && from != bytes.data()) std::memcpy(bytes.data(), from, bytes.size());
  lent_outputs_[plan().root(id).index] = nullptr;
  if (buffer.is_unsigned) flip_signs(buffer.dtype, bytes);
}

void Session::run_part(size_t index, int worker, const StepPart& part) {
  const Step& step = plan().steps[index];
  ht_arguments arguments{};
  for (size_t i = 0; i < step.inputs.size(); ++i) arguments.inputs[i] = bytes_of(step.inputs[i]);
  arguments.output = memory_of(step.output);
  const size_t scratch = (placement_->scratch_bytes() + Aligned::kAlignment - 1) / Aligned::kAlignment * Aligned::kAlignment;
  arguments.scratch = scratch_->memory + scratch * static_cast<size_t>(worker);
  placement_->steps()[index]->run(arguments, part);
}

// The units [begin, end) of a step and what the next step computes of them in place, slice by slice, while they are in a cache.
// `grain` units are whole units of that step, and `begin` is a multiple of them.
void Session::run_units_and_function(size_t index, int worker, int64_t begin, int64_t end, int64_t grain) {
  constexpr int64_t kSliceBytes = 1 << 18;
  const int64_t units = placement_->steps()[index]->units(), blocks = placement_->steps()[index + 1]->units();
  const int64_t unit_bytes = plan().buffer(plan().steps[index].output).bytes() / units;
  const int64_t slice = std::max<int64_t>(1, kSliceBytes / unit_bytes / grain) * grain;
  const int64_t per_grain = unit_bytes * grain / static_cast<int64_t>(sizeof(float)) / HT_UNARY_BLOCK;
  for (int64_t first = begin; first < end; first += slice) {
    const int64_t last = std::min(end, first + slice);
    run_part(index, worker, {static_cast<int32_t>(first), static_cast<int32_t>(last)});
    run_part(index + 1, worker,
             {static_cast<int32_t>(first / grain * per_grain),
              static_cast<int32_t>(last == units ? blocks : last / grain * per_grain)});
  }
}

Session::Cut Session::cut(size_t index, int64_t grain) {
  // Below this much work, waking other threads costs more than it saves.
  constexpr int64_t kLeastWork = 1 << 13;
  constexpr int64_t kMostKept = 1 << 18, kLeastBlocks = 3;
  const Step& step = plan().steps[index];
  const PlacedStep& placed = *placement_->steps()[index];
  Cut made{.session = this, .step = index, .grain = grain, .units = placed.units(), .blocks = placed.channel_blocks()};
  const int64_t work = step.macs / 16 + element_count(plan().buffer(step.output).shape);
  if (work < kLeastWork || threads_ == 1) return made;
  // Each part reads the weights of its channels whole, so there are few where those do not stay in a core's own cache, and
  // channels are shared out where weights are more than inputs.
  const auto weights = static_cast<int64_t>(placed.packed_bytes());
  const bool by_channels =
      grain == 0 && made.blocks >= kLeastBlocks * threads_ && weights > plan().buffer(step.inputs[0]).bytes();
  if (by_channels) made.channel_parts = threads_;
  const int64_t each = weights / made.channel_parts > kMostKept ? 1 : 2;
  made.parts = std::clamp<int64_t>(made.units / made.whole(), 1, by_channels ? each : each * threads_);
  return made;
}

void Session::run_step(size_t index, int64_t grain) {
  Cut& known = cuts_[index];
  if (known.session != this || known.grain != grain) known = cut(index, grain);
  if (known.all_parts() == 1) {
    known(0, 0);
  } else if (pool_) {
    pool_->parallel_for(known.all_parts(), known);
  } else {
    parallel_(known.all_parts(), std::cref(known));  // a reference, because what it captures would be allocated
  }
}

// Steps that are observed or timed run one after the other.
void Session::compute() {
  if (observer_)
    for (BufferId given : placement_->given()) observe(given);
  auto finished = placement_->finished().begin();
  for (size_t i = 0; i < plan().steps.size(); ++i) {
    const int64_t grain = observer_ || profile_ ? 0 : placement_->units_until_function()[i];
    if (grain > 0) {
      run_step(i++, grain);
      continue;
    }
    const auto start = profile_ ? std::chrono::steady_clock::now() : std::chrono::steady_clock::time_point();
    run_step(i, 0);
    if (profile_) (*profile_)[i] += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    for (; finished != placement_->finished().end() && finished->step == i; ++finished)
      if (observer_) observe(finished->buffer);
  }
}

Status Session::run(std::span<const Tensor> inputs, std::vector<Tensor>& outputs) {
  if (inputs.size() != plan().inputs.size())
    return usage_error("the network has {} inputs, but {} were given", plan().inputs.size(), inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) HT_TRY(lend_input(i, inputs[i].dtype(), inputs[i].shape(), inputs[i].bytes()));
  outputs.resize(plan().outputs.size());
  for (size_t i = 0; i < outputs.size(); ++i) {
    const Buffer& buffer = plan().buffer(plan().outputs[i]);
    if (outputs[i].dtype() != buffer.declared() || outputs[i].shape() != buffer.shape)
      outputs[i] = Tensor::zeros(buffer.declared(), buffer.shape);
    lend_output(i, outputs[i].mutable_data<uint8_t>());
  }
  compute();
  for (size_t i = 0; i < outputs.size(); ++i) read_output(i, outputs[i].mutable_data<uint8_t>());
  return {};
}

Result<std::vector<Tensor>> Session::run(std::span<const Tensor> inputs) {
  std::vector<Tensor> outputs;
  HT_TRY(run(inputs, outputs));
  return outputs;
}

}  // namespace ht
