// SPDX-License-Identifier: Apache-2.0
#include "plan/planes.h"

#include <algorithm>

namespace ht {
namespace {

// A copy of floats that have `channels` in each pixel to where each channel is a plane of adjacent pixels.
struct Planes {
  int64_t channels = 0, plane = 0;  // from one plane to the next
  int64_t elements = 1;
};

std::optional<Planes> planes_of(const Step& step) {
  const auto* copy = std::get_if<ht_copy_params>(&step.params);
  if (!copy || copy->element_bytes != sizeof(float) || copy->input_offset != 0 || copy->output_offset != 0) return std::nullopt;
  Planes planes;
  for (int32_t i = 0; i < copy->rank; ++i) {
    planes.elements *= copy->shape[i];
    if (copy->input_stride[i] == 1) planes.channels = copy->shape[i], planes.plane = copy->output_stride[i];
  }
  for (int32_t i = 0; i < copy->rank; ++i)
    if (copy->input_stride[i] != 1 && copy->input_stride[i] != planes.channels * copy->output_stride[i]) return std::nullopt;
  return planes.channels > 1 && planes.plane > 1 ? std::optional(planes) : std::nullopt;
}

// The convolution whose epilogue a step's is, where its kernels can write in planes.
ht_conv_params* convolution_of(Step& step) {
  if (auto* conv = std::get_if<ht_conv_params>(&step.params)) return conv;
  if (auto* wide = std::get_if<ht_conv_wide_params>(&step.params)) return &wide->conv;
  if (auto* narrow = std::get_if<ht_conv_w4_params>(&step.params)) return &narrow->conv;
  return nullptr;
}

// How often each root is read, as an output of the plan too.
std::vector<int32_t> count_uses(const Plan& plan) {
  std::vector<int32_t> uses(plan.buffers.size(), 0);
  for (const Step& step : plan.steps)
    for (BufferId input : step.inputs) ++uses[plan.root(input).index];
  for (BufferId output : plan.outputs) ++uses[plan.root(output).index];
  return uses;
}

class PlaneWriter {
 public:
  explicit PlaneWriter(Plan& plan) : plan_(plan), uses_(count_uses(plan)), is_done_(plan.steps.size()) {}

  void run() {
    for (size_t i = 0; i < plan_.steps.size(); ++i) is_done_[i] = join(i);
    size_t at = 0;
    std::erase_if(plan_.steps, [&](const Step&) { return is_done_[at++]; });
  }

 private:
  // Whether the step is a copy that the convolutions before it do from now on.
  bool join(size_t index) {
    const Step& copy = plan_.steps[index];
    const auto planes = planes_of(copy);
    if (!planes) return false;
    const BufferId from = copy.inputs[0];
    if (plan_.root(from) != from || uses_[from.index] != 1 || plan_.buffer(from).constant ||
        element_count(plan_.buffer(from).shape) != planes->elements)
      return false;
    std::vector<size_t> makers;
    for (size_t i = 0; i < index; ++i)
      if (plan_.root(plan_.steps[i].output) == from) makers.push_back(i);
    if (makers.empty() || !std::ranges::all_of(makers, [&](size_t i) { return can_write(plan_.steps[i], *planes); }))
      return false;
    // Where the memory is written earlier than before, nothing may still be there.
    for (size_t i = makers.front(); i < index; ++i)
      if (!is_done_[i] && touches(plan_.steps[i], copy.output)) return false;
    for (size_t i : makers) redirect(*convolution_of(plan_.steps[i]), *planes);
    const Buffer to = plan_.buffer(copy.output);
    const BufferId memory = plan_.root(copy.output);
    for (size_t i = 0; i < plan_.buffers.size(); ++i)
      if (plan_.root(BufferId(i)) == from && BufferId(i) != from) move(plan_.buffers[i], *planes, to, memory);
    move(plan_.buffers[from.index], *planes, to, memory);
    return true;
  }

  bool can_write(Step& step, const Planes& planes) const {
    const ht_conv_params* conv = convolution_of(step);
    return conv && conv->epilogue.output == HT_OUTPUT_F32 && conv->epilogue.plane == 0 && conv->batch == 1 &&
           conv->output_stride == planes.channels;
  }

  bool touches(const Step& step, BufferId memory) const {
    const auto meets = [&](BufferId id) {
      return plan_.root(id) == plan_.root(memory) && may_overlap(plan_.buffer(id), plan_.buffer(memory));
    };
    return meets(step.output) || std::ranges::any_of(step.inputs, meets);
  }

  static void redirect(ht_conv_params& conv, const Planes& planes) {
    conv.output_stride = 1;
    conv.epilogue.plane = static_cast<int32_t>(planes.plane);
  }

  // A part of the copied value lies where the copy put it.
  void move(Buffer& part, const Planes& planes, const Buffer& to, BufferId memory) const {
    const int64_t pixel = part.region.offset / planes.channels, channel = part.region.offset % planes.channels;
    const bool is_image = part.layout == Layout::kChannelsLast && part.shape.size() > 2 && part.shape[0] == 1;
    if (!is_image) part.value = {};  // nobody reads its elements in this order any more
    part.alias_of = memory;
    part.layout = Layout::kPlain;
    part.region = {to.region.offset + channel * planes.plane + pixel, is_image ? element_count(part.shape) / part.shape[1] : 0,
                   planes.plane};
  }

  Plan& plan_;
  std::vector<int32_t> uses_;  // by root
  std::vector<bool> is_done_;  // by step: what it copied is where it should be
};

// A copy of one image's bytes from planes to pixels, all of them.
struct Pixels {
  int32_t channels = 0, pixels = 1;
  int32_t stride = 0;  // from one pixel to the next
};

std::optional<Pixels> pixels_of(const Step& step) {
  const auto* copy = std::get_if<ht_copy_params>(&step.params);
  if (!copy || copy->element_bytes != 1 || copy->input_offset != 0 || copy->output_offset != 0) return std::nullopt;
  Pixels found;
  int32_t plane = 0;
  for (int32_t i = 0; i < copy->rank; ++i) {
    if (copy->output_stride[i] == 1) {
      found.channels = copy->shape[i], plane = copy->input_stride[i];
    } else {
      found.pixels *= copy->shape[i];
      if (copy->input_stride[i] == 1) found.stride = copy->output_stride[i];
    }
  }
  for (int32_t i = 0; i < copy->rank; ++i)
    if (copy->output_stride[i] != 1 && copy->output_stride[i] != found.stride * copy->input_stride[i]) return std::nullopt;
  return found.channels > 1 && plane == found.pixels && found.stride > 0 ? std::optional(found) : std::nullopt;
}

bool makes_one_long_row(const Step& step, int64_t elements) {
  const auto* p = std::get_if<ht_convert_params>(&step.params);
  return p && step.kernel == KernelId::k_quantize && p->channel_step == 0 && p->plane == 0 && p->input_stride == p->channels &&
         p->output_stride == p->channels && int64_t{p->rows} * p->channels == elements;
}

}  // namespace

void write_in_planes(Plan& plan) { PlaneWriter(plan).run(); }

void quantize_from_planes(Plan& plan) {
  const std::vector<int32_t> uses = count_uses(plan);
  for (size_t i = 0; i + 1 < plan.steps.size(); ++i) {
    Step& quantize = plan.steps[i];
    const Step& copy = plan.steps[i + 1];
    const auto pixels = pixels_of(copy);
    const BufferId from = quantize.output, to = copy.output;
    if (!pixels || plan.root(copy.inputs[0]) != from || uses[from.index] != 1) continue;
    const int64_t elements = int64_t{pixels->channels} * pixels->pixels;
    const auto lies_there = [&](const Buffer& buffer) { return &buffer == &plan.buffer(from) || buffer.alias_of == from; };
    const auto is_image = [&](const Buffer& buffer) {
      const bool has_channels = buffer.layout == Layout::kPlain && buffer.shape.size() > 2 && buffer.shape[0] == 1 &&
                                buffer.shape[1] == pixels->channels;
      return buffer.bytes() == elements && buffer.region.width == 0 && has_channels;
    };
    if (!makes_one_long_row(quantize, elements) ||
        !std::ranges::all_of(plan.buffers, [&](const Buffer& b) { return !lies_there(b) || is_image(b); }))
      continue;
    auto& p = std::get<ht_convert_params>(quantize.params);
    p.rows = p.plane = pixels->pixels;
    p.channels = pixels->channels;
    p.input_stride = 1;
    p.output_stride = pixels->stride;
    quantize.output = to;
    for (Buffer& buffer : plan.buffers) {
      if (!lies_there(buffer)) continue;
      buffer.layout = Layout::kChannelsLast;
      buffer.region = plan.buffer(to).region;
      if (&buffer != &plan.buffer(from)) buffer.alias_of = plan.root(to);
    }
    plan.buffers[from.index].alias_of = plan.root(to);
    plan.steps.erase(plan.steps.begin() + static_cast<std::ptrdiff_t>(i) + 1);
  }
}

}  // namespace ht
