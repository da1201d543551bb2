// SPDX-License-Identifier: Apache-2.0
#include "plan/elide_copies.h"

#include <algorithm>
#include <array>

namespace ht {
namespace {

// Elements at base + sum of index * stride, for every index below each axis' size; the innermost axis last.
struct Axis {
  int64_t size, stride;
};
struct Access {
  int64_t base;
  std::vector<Axis> axes;
};

int64_t count_of(const Buffer& buffer) { return element_count(buffer.shape); }

Region region_of(const Buffer& buffer) {
  const int64_t count = count_of(buffer);
  return buffer.region.width == 0 ? Region{buffer.region.offset, count, count} : buffer.region;
}

// Element e of some memory moves to offset + e / width * stride + e % width. The same elements after that; nothing where strides cannot
// say it. An axis that crosses rows is split in two.
std::optional<Access> moved(const Access& access, const Region& to) {
  const int64_t width = to.width;
  Access result{to.offset + access.base / width * to.stride + access.base % width, {}};
  int64_t column = access.base % width;  // of the furthest element, as no index may carry into the next row
  for (const Axis& axis : access.axes) {
    if (axis.size == 1 || axis.stride % width == 0) {
      result.axes.push_back({axis.size, axis.size == 1 ? axis.stride : axis.stride / width * to.stride});
      continue;
    }
    if (axis.stride < 0) return std::nullopt;
    int64_t inner = axis.size;
    if (column + (inner - 1) * axis.stride >= width) {
      if (width % axis.stride != 0 || axis.size * axis.stride % width != 0) return std::nullopt;
      inner = width / axis.stride;
      result.axes.push_back({axis.size / inner, to.stride});
    }
    result.axes.push_back({inner, axis.stride});
    column += (inner - 1) * axis.stride;
  }
  return column < width ? std::optional(result) : std::nullopt;
}

std::optional<Region> moved(const Region& region, int64_t count, const Region& to) {
  const auto access = moved(Access{region.offset, {{count / region.width, region.stride}, {region.width, 1}}}, to);
  if (!access) return std::nullopt;
  // Adjacent elements are a row; one other axis may be left, that of the rows.
  Region result{access->base, 1, 0};
  for (const Axis& axis : access->axes) {
    if (axis.size == 1) continue;
    if (axis.stride == 1) {
      result.width = axis.size;
    } else if (result.stride == 0) {
      result.stride = axis.stride;
    } else {
      return std::nullopt;
    }
  }
  if (result.stride == 0) result.stride = result.width;
  return result;
}

constexpr size_t kOutput = HT_MAX_INPUTS;

// A step's operand seen as pixels of adjacent channels; channels 0 where its kernel has no stride for it.
struct Pixels {
  int32_t* stride = nullptr;
  int64_t count = 0, channels = 0;
};
template <class P>
Pixels pixels_of(P&, size_t) {
  return {};
}
template <class P>
Pixels window_pixels(P& p, size_t operand, int64_t inputs, int64_t outputs) {
  if (operand == 0) return {&p.input_stride, int64_t{p.batch} * p.input_height * p.input_width, inputs};
  if (operand == kOutput) return {&p.output_stride, int64_t{p.batch} * p.output_height * p.output_width, outputs};
  return {};
}
Pixels pixels_of(ht_conv_params& p, size_t operand) { return window_pixels(p, operand, p.input_channels, p.output_channels); }
Pixels pixels_of(ht_conv_wide_params& p, size_t operand) { return pixels_of(p.conv, operand); }
Pixels pixels_of(ht_conv_w4_params& p, size_t operand) { return pixels_of(p.conv, operand); }
Pixels pixels_of(ht_conv_s16_params& p, size_t operand) { return pixels_of(p.conv, operand); }
Pixels pixels_of(ht_conv_f32_params& p, size_t operand) { return window_pixels(p, operand, p.input_channels, p.output_channels); }
template <class P>
Pixels depthwise_pixels(P& p, size_t operand) {
  return window_pixels(p, operand, p.input_channels, int64_t{p.input_channels} * p.channel_multiplier);
}
Pixels pixels_of(ht_depthwise_params& p, size_t operand) { return depthwise_pixels(p, operand); }
Pixels pixels_of(ht_depthwise_s16_params& p, size_t operand) { return pixels_of(p.depthwise, operand); }
Pixels pixels_of(ht_depthwise_f32_params& p, size_t operand) { return depthwise_pixels(p, operand); }
Pixels pixels_of(ht_pool_params& p, size_t operand) { return window_pixels(p, operand, p.channels, p.channels); }
Pixels pixels_of(ht_pool_f32_params& p, size_t operand) { return window_pixels(p, operand, p.channels, p.channels); }
Pixels pixels_of(ht_resample_params& p, size_t operand) { return window_pixels(p, operand, p.channels, p.channels); }
template <class P>
Pixels row_pixels(P& p, size_t operand) {
  return {operand == 0 ? &p.input_stride : &p.output_stride, p.rows, p.channels};
}
Pixels pixels_of(ht_table_params& p, size_t operand) { return row_pixels(p, operand); }
Pixels pixels_of(ht_convert_params& p, size_t operand) { return row_pixels(p, operand); }
Pixels pixels_of(ht_convert_s16_params& p, size_t operand) { return row_pixels(p.convert, operand); }

// A step that walks several axes: shape and, for each operand, strides.
struct Nest {
  int32_t* rank = nullptr;
  int32_t* shape = nullptr;
  std::array<int32_t*, 3> strides{};  // that of the operand to be moved first
  int32_t* offset = nullptr;          // that operand's, if it has one
  bool any_innermost = false;         // whether the innermost axis may have any stride
  bool whole_innermost = false;       // whether it must stay one axis, as parameters vary along it
};
template <class P>
Nest nest_of(P&, size_t) {
  return {};
}
Nest nest_of(ht_copy_params& p, size_t operand) {
  if (operand == 0) return {&p.rank, p.shape, {p.input_stride, p.output_stride}, &p.input_offset, true};
  return {&p.rank, p.shape, {p.output_stride, p.input_stride}, &p.output_offset, true};
}
Nest nest_of(ht_broadcast& s, size_t operand) {
  if (operand == 0) return {&s.rank, s.shape, {s.a_stride, s.b_stride, s.output_stride}};
  if (operand == 1) return {&s.rank, s.shape, {s.b_stride, s.a_stride, s.output_stride}};
  return {&s.rank, s.shape, {s.output_stride, s.a_stride, s.b_stride}};
}
Nest nest_of(ht_binary_params& p, size_t operand) {
  Nest nest = nest_of(p.shape, operand);
  nest.whole_innermost = p.channel_step != 0;
  return nest;
}
Nest nest_of(ht_binary_f32_params& p, size_t operand) { return nest_of(p.shape, operand); }

bool fits(int64_t number) { return number >= INT32_MIN && number <= INT32_MAX; }

// The position of a buffer's first element is not the step's, but that of the buffer's region; a nest's own offset comes on top of it.
bool move_nest(const Nest& nest, int64_t base, const Region& to) {
  const int64_t own = nest.offset ? *nest.offset : 0;
  Access access{base + own, {}};
  for (int32_t i = 0; i < *nest.rank; ++i) access.axes.push_back({nest.shape[i], nest.strides[0][i]});
  const auto target = moved(access, to);
  const auto start = moved(Access{base, {}}, to);
  if (!target || !start || target->axes.size() > HT_MAX_RANK) return false;
  if (!nest.any_innermost && target->axes.back().stride != access.axes.back().stride) return false;
  if (nest.whole_innermost && target->axes.back().size != access.axes.back().size) return false;
  // Each axis is one or two of the moved ones.
  std::array<std::vector<int64_t>, 3> strides;
  for (int32_t i = 0, at = 0; i < *nest.rank; ++i, ++at) {
    const int64_t inner = target->axes[static_cast<size_t>(at)].size == nest.shape[i] ? 1 : target->axes[static_cast<size_t>(at) + 1].size;
    for (size_t k = 1; k < nest.strides.size() && nest.strides[k]; ++k) {
      if (inner != 1) strides[k].push_back(nest.strides[k][i] * inner);
      strides[k].push_back(nest.strides[k][i]);
    }
    if (inner != 1) ++at;
  }
  for (size_t i = 0; i < target->axes.size(); ++i) {
    if (!fits(target->axes[i].stride)) return false;
    nest.shape[i] = static_cast<int32_t>(target->axes[i].size);
    nest.strides[0][i] = static_cast<int32_t>(target->axes[i].stride);
    for (size_t k = 1; k < nest.strides.size() && nest.strides[k]; ++k) nest.strides[k][i] = static_cast<int32_t>(strides[k][i]);
  }
  *nest.rank = static_cast<int32_t>(target->axes.size());
  if (nest.offset) *nest.offset = static_cast<int32_t>(target->base - start->base);
  return true;
}

bool move_pixels(const Pixels& pixels, int64_t base, const Region& to) {
  const auto target = moved(Access{base, {{pixels.count, *pixels.stride}, {pixels.channels, 1}}}, to);
  if (!target || target->axes.size() != 2 || target->axes[1].stride != 1 || !fits(target->axes[0].stride * pixels.count)) return false;
  *pixels.stride = static_cast<int32_t>(target->axes[0].stride);
  return true;
}

// Changes the strides with which a step reaches an operand whose memory moves; `region` is where in that memory the operand lies.
bool move_operand(Step& step, size_t operand, const Region& region, int64_t count, const Region& to) {
  return std::visit(
      [&](auto& params) {
        if (const Nest nest = nest_of(params, operand); nest.rank) return move_nest(nest, region.offset, to);
        if (const Pixels pixels = pixels_of(params, operand); pixels.channels > 0) return move_pixels(pixels, region.offset, to);
        // What takes its elements to be adjacent: they are, and must remain so.
        return region.width == count && region.offset % to.width + count <= to.width;
      },
      step.params);
}

// Tries to let all that lies in `from` lie in a region of `into`.
bool embed(Plan& plan, size_t copy, BufferId from, BufferId into, const Region& to) {
  std::vector<std::pair<size_t, Step>> steps;
  for (size_t i = 0; i < plan.steps.size(); ++i) {
    if (i == copy) continue;
    Step step = plan.steps[i];
    bool touches = false;
    auto follow = [&](BufferId id, size_t operand) {
      if (plan.root(id) != from) return true;
      touches = true;
      return move_operand(step, operand, region_of(plan.buffer(id)), count_of(plan.buffer(id)), to);
    };
    for (size_t k = 0; k < step.inputs.size(); ++k)
      if (!follow(step.inputs[k], k)) return false;
    if (!follow(step.output, kOutput)) return false;
    if (touches) steps.emplace_back(i, std::move(step));
  }
  std::vector<std::pair<size_t, Region>> regions;
  for (size_t i = 0; i < plan.buffers.size(); ++i) {
    if (plan.root(BufferId(i)) != from) continue;
    const auto region = moved(region_of(plan.buffers[i]), count_of(plan.buffers[i]), to);
    if (!region) return false;
    regions.emplace_back(i, *region);
  }
  for (auto& [index, step] : steps) plan.steps[index] = std::move(step);
  for (const auto& [index, region] : regions) {
    plan.buffers[index].alias_of = into;
    plan.buffers[index].region = region;
  }
  return true;
}

// The region in one operand's buffer that a copy takes, if it takes all of the other's buffer in its order.
std::optional<Region> copied_region(const ht_copy_params& copy, const int32_t* whole, const int32_t* part, int64_t offset, int64_t count) {
  Region region{offset, 1, 0};
  int64_t step = 1;
  for (int32_t i = copy.rank - 1; i >= 0; --i) {
    if (copy.shape[i] == 1) continue;
    if (whole[i] != step || part[i] <= 0) return std::nullopt;
    if (region.stride == 0 && part[i] == step) {
      region.width *= copy.shape[i];
    } else if (region.stride == 0) {
      region.stride = part[i];
    } else if (part[i] != region.stride * (step / region.width)) {
      return std::nullopt;
    }
    step *= copy.shape[i];
  }
  if (region.stride == 0) region.stride = region.width;
  return step == count && region.stride >= region.width ? std::optional(region) : std::nullopt;
}

class Elision {
 public:
  explicit Elision(Plan& plan) : plan_(plan) {}

  bool elide(size_t index) {
    const Step& step = plan_.steps[index];
    const auto* copy = std::get_if<ht_copy_params>(&step.params);
    if (step.kernel != KernelId::k_copy || !copy) return false;
    const BufferId input = step.inputs[0], output = step.output;
    const BufferId source = plan_.root(input), target = plan_.root(output);
    if (source == target || plan_.buffer(source).constant) return false;
    if (copy->input_offset == 0 && has_own_memory(input) && !is_given(source)) {
      const auto part = copied_region(*copy, copy->input_stride, copy->output_stride, copy->output_offset, count_of(plan_.buffer(input)));
      if (part && !must_differ(index, source, *part) && embed_in(index, source, output, *part)) return true;
    }
    if (copy->output_offset != 0 || !has_own_memory(output) || is_given(target) || writers(target) != 1) return false;
    const auto part = copied_region(*copy, copy->output_stride, copy->input_stride, copy->input_offset, count_of(plan_.buffer(output)));
    return part && embed_in(index, target, input, *part);
  }

 private:
  // Whether a buffer's elements are all of its root's memory, in order.
  bool has_own_memory(BufferId id) const {
    const Buffer& buffer = plan_.buffer(id);
    return !buffer.alias_of.valid() || (buffer.region.width == 0 && count_of(buffer) == count_of(plan_.buffer(buffer.alias_of)));
  }
  // Whether the memory is an input's or an output's.
  bool is_given(BufferId root) const {
    const auto in = [&](BufferId id) { return plan_.root(id) == root; };
    return std::ranges::any_of(plan_.inputs, in) || std::ranges::any_of(plan_.outputs, in);
  }
  std::ptrdiff_t writers(BufferId root) const {
    return std::ranges::count_if(plan_.steps, [&](const Step& step) { return plan_.root(step.output) == root; });
  }
  // Whether the part of the target that a copy fills and its source must differ for a while: because a step that is no copy writes there
  // when the source is made already, as a filling before the copy does, or before the source is read for the last time.
  bool must_differ(size_t copy, BufferId source, const Region& part) const {
    Buffer made = plan_.buffer(source);
    made.region = part;
    made.region.offset += plan_.buffer(plan_.steps[copy].output).region.offset;
    const auto reads = [&](const Step& step) { return std::ranges::any_of(step.inputs, [&](BufferId id) { return plan_.root(id) == source; }); };
    bool is_made = false, is_changed = false;
    for (size_t i = 0; i < plan_.steps.size(); ++i) {
      const Step& step = plan_.steps[i];
      const bool writes = step.kernel != KernelId::k_copy && plan_.root(step.output) == plan_.root(plan_.steps[copy].output) &&
                          may_overlap(made, plan_.buffer(step.output));
      if (writes && is_made && i < copy) return true;
      is_made = is_made || plan_.root(step.output) == source;
      is_changed = is_changed || (writes && i > copy);
      if (is_changed && reads(step)) return true;
    }
    return false;
  }
  // A copy's strides count elements of the memory that its operand lies in, from where the operand begins.
  bool embed_in(size_t index, BufferId from, BufferId within, Region part) {
    const Buffer& buffer = plan_.buffer(within);
    part.offset += buffer.region.offset;
    return dtype_size(plan_.buffer(from).dtype) == dtype_size(buffer.dtype) && embed(plan_, index, from, plan_.root(within), part);
  }

  Plan& plan_;
};

}  // namespace

void elide_copies(Plan& plan) {
  Elision elision(plan);
  for (size_t i = 0; i < plan.steps.size();)
    if (elision.elide(i)) {
      plan.steps.erase(plan.steps.begin() + static_cast<std::ptrdiff_t>(i));
    } else {
      ++i;
    }
}

}  // namespace ht
