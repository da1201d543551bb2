// SPDX-License-Identifier: Apache-2.0
#include "image/input_kernel.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <new>

#include "image/kernel_values.h"
#include "kernels/c/ht_convert.h"

namespace ht {
namespace {

constexpr int32_t kPixels = 256;

using Reals = std::array<float, kPixels>;

template <class Element>
std::vector<std::byte> bytes_of(const std::array<Element, kPixels>& values) {
  std::vector<std::byte> bytes(sizeof(values));
  std::memcpy(bytes.data(), values.data(), sizeof(values));
  return bytes;
}

std::vector<std::byte> quantized(const Reals& reals, int32_t type, float scale, int32_t zero_point) {
  ht_convert_params convert{1, kPixels, kPixels, kPixels, 0, 0, &scale, nullptr};
  if (type == HT_VALUES_S16) {
    std::array<int16_t, kPixels> integers{};
    const auto zero = static_cast<int16_t>(zero_point);
    const ht_convert_s16_params wide{convert, &zero};
    const ht_arguments arguments{{reals.data()}, integers.data(), nullptr};
    ht_quantize_s16(&wide, &arguments, 0, 1);
    return bytes_of(integers);
  }
  // Unsigned integers are the signed ones 128 further.
  const int32_t shift = type == HT_VALUES_U8 ? 128 : 0;
  std::array<int8_t, kPixels> integers{};
  const auto zero = static_cast<int8_t>(zero_point - shift);
  convert.zero_point = &zero;
  const ht_arguments arguments{{reals.data()}, integers.data(), nullptr};
  ht_quantize(&convert, &arguments, 0, 1);
  for (int8_t& q : integers) q = static_cast<int8_t>(q + shift);
  return bytes_of(integers);
}

Status check(const InputElements& elements, int channels) {
  if (elements.type == HT_VALUES_F32) return {};
  const size_t count = elements.scales.size();
  if (count != elements.zero_points.size() || (count != 1 && count != static_cast<size_t>(channels)))
    return input_error("the model's input has {} scales for {} channels", count, channels);
  const int32_t low = elements.type == HT_VALUES_U8 ? 0 : elements.type == HT_VALUES_S8 ? INT8_MIN : INT16_MIN;
  const int32_t high = elements.type == HT_VALUES_U8 ? UINT8_MAX : elements.type == HT_VALUES_S8 ? INT8_MAX : INT16_MAX;
  for (size_t i = 0; i < count; ++i) {
    const bool sensible = std::isfinite(elements.scales[i]) && elements.scales[i] > 0;
    if (!sensible || elements.zero_points[i] < low || elements.zero_points[i] > high)
      return input_error("the model's input has the scale {} and the zero point {}", elements.scales[i], elements.zero_points[i]);
  }
  return {};
}

}  // namespace

Result<InputKernel> InputKernel::make(const Preprocess& preprocess, const InputElements& elements) {
  HT_TRY(ht::check(preprocess));
  HT_TRY(check(elements, preprocess.channels()));
  InputKernel kernel;
  kernel.preprocess_ = preprocess;
  kernel.type_ = elements.type;
  kernel.layout_ = elements.layout;
  for (size_t c = 0; c < static_cast<size_t>(preprocess.channels()); ++c) {
    Reals reals{};
    for (int v = 0; v < kPixels; ++v) reals[static_cast<size_t>(v)] = (static_cast<float>(v) - preprocess.mean[c]) / preprocess.std[c];
    if (elements.type == HT_VALUES_F32) {
      kernel.tables_[c] = bytes_of(reals);
    } else {
      const size_t k = elements.scales.size() == 1 ? 0 : c;
      kernel.tables_[c] = quantized(reals, elements.type, elements.scales[k], elements.zero_points[k]);
    }
  }
  return kernel;
}

size_t InputKernel::element_bytes() const { return tables_[0].size() / kPixels; }

// Scratch memory depends on how a frame is resized, on how many columns of the input are made, and on the frame's width. Each of the
// ways to resize fills all columns here.
size_t InputKernel::most_scratch_bytes(int frame_width) const {
  ht_preprocess_params p = parameters();
  p.image.resize = HT_IMAGE_STRETCH;
  const int32_t width = p.image.width, height = p.image.height;
  size_t most = 0;
  for (const auto& [own_width, own_height] : {std::pair{width, height}, {2 * width, 2 * height}, {2 * width + 1, 2 * height + 1}, {width, height + 1}, {1, 1}}) {
    const ht_frame frame = {nullptr, own_width, own_height, 3 * own_width, HT_FRAME_RGB888, {}};
    most = std::max(most, ht_preprocess_scratch(&p, &frame) - ht_frame_scratch(&frame, ht_image_channels(&p.image)));
  }
  const ht_frame widest = {nullptr, frame_width, 1, 3 * frame_width, HT_FRAME_RGB565, {}};
  return most + ht_frame_scratch(&widest, ht_image_channels(&p.image)) + sizeof(uint64_t);
}

ht_preprocess_params InputKernel::parameters() const {
  ht_preprocess_params p{};
  p.image = kernel_parameters(preprocess_);
  p.type = type_;
  const int32_t channels = preprocess_.channels(), width = preprocess_.width;
  const bool planar = layout_ == PixelLayout::kNchw;
  p.row_step = planar ? width : width * channels;
  p.pixel_step = planar ? 1 : channels;
  p.channel_step = planar ? width * preprocess_.height : 1;
  for (size_t c = 0; c < static_cast<size_t>(channels); ++c) p.tables[c] = tables_[c].data();
  return p;
}

Status InputKernel::fill(const Frame& frame, std::span<std::byte> out) const {
  if (out.size() != static_cast<size_t>(preprocess_.elements()) * element_bytes())
    return usage_error("the input has {} bytes, the buffer {}", static_cast<size_t>(preprocess_.elements()) * element_bytes(), out.size());
  HT_ASSIGN(const ht_frame source, kernel_frame(frame));
  const ht_rectangle region = ht_frame_region(&source);
  HT_ASSIGN([[maybe_unused]] const PhotoPlacement placement, photo_placement(region.width, region.height, preprocess_));
  try {
    const ht_preprocess_params p = parameters();
    std::vector<uint64_t> scratch(ht_preprocess_scratch(&p, &source) / sizeof(uint64_t) + 1);
    ht_preprocess_stream stream;
    ht_preprocess_begin(&stream, &p, &source, scratch.data());
    ht_preprocess_rows(&stream, 0, preprocess_.height, out.data());
    return {};
  } catch (const std::bad_alloc&) {
    return input_error("not enough memory to resize a photo of {} x {} pixels", region.width, region.height);
  }
}

}  // namespace ht
