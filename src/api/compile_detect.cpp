// SPDX-License-Identifier: Apache-2.0
#include "api/compile_detect.h"

#include <algorithm>

#include "api/content.h"
#include "api/detector.h"
#include "api/metadata.h"
#include "api/photo_input.h"
#include "api/tensor.h"
#include "evaluate/head_kernel.h"
#include "image/decode.h"
#include "image/input_kernel.h"

namespace ht {
namespace {

// What the parameters of a detection refer to.
struct Kernels {
  InputKernel input;
  HeadKernel head;
};

std::optional<int32_t> values_type(DType dtype) {
  switch (dtype) {
    case DType::kFloat32: return HT_VALUES_F32;
    case DType::kInt8: return HT_VALUES_S8;
    case DType::kUint8: return HT_VALUES_U8;
    case DType::kInt16: return HT_VALUES_S16;
    default: return std::nullopt;
  }
}

// The values of a buffer in memory: integers that are not quantized stand for themselves.
Result<OutputElements> elements_of(const Buffer& buffer) {
  const auto type = values_type(buffer.dtype);
  if (!type) return unsupported("the value \"{}\" is of type {}", buffer.name, dtype_name(buffer.dtype));
  OutputElements elements;
  elements.type = *type;
  elements.channels_last = buffer.layout == Layout::kChannelsLast;
  if (*type == HT_VALUES_F32) return elements;
  elements.scales = buffer.affine ? buffer.affine->scales() : std::vector<float>{1};
  elements.zero_points = buffer.affine ? buffer.affine->zero_points() : std::vector<int32_t>{0};
  if (elements.scales.size() > 1) elements.axis = buffer.affine->axis();
  return elements;
}

Result<InputKernel> input_kernel(const PhotoInput& photo, const Buffer& buffer) {
  HT_ASSIGN(OutputElements memory, elements_of(buffer));
  const bool planar = photo.layout() == PixelLayout::kNchw;
  const size_t channels_axis = planar ? 1 : 3;
  if (memory.scales.size() > 1 && memory.axis != channels_axis) return unsupported("the model's input has scales along another axis than its channels");
  if (!planar && memory.channels_last) return unsupported("the model's input lies in memory with its rows behind its channels");
  InputElements elements;
  elements.type = memory.type;
  elements.layout = planar && !memory.channels_last ? PixelLayout::kNchw : PixelLayout::kNhwc;
  elements.scales = std::move(memory.scales);
  elements.zero_points = std::move(memory.zero_points);
  return InputKernel::make(photo.preprocess(), elements);
}

// The bundle's output of that name.
Result<size_t> port_of(const Graph& graph, const Design& design, const HeadInput& wanted) {
  for (size_t i = 0; i < graph.outputs.size(); ++i) {
    if (graph.value(graph.outputs[i]).name != wanted.name) continue;
    const Buffer& buffer = design.plan.buffer(design.outputs[i].buffer);
    if (buffer.shape != wanted.shape) return unsupported("the output \"{}\" has another shape inside", wanted.name);
    return i;
  }
  return unsupported("the output \"{}\" is not among those of the bundle", wanted.name);
}

Status set_names(Detection& detection) {
  const KernelFunction all[] = {name_of(detection.detect.object_function), name_of(detection.detect.class_function), name_of(detection.detect.box_function),
                                name_of(detection.detect.boxes), name_of(detection.detect.names)};
  std::string* const names[] = {&detection.object_function, &detection.class_function, &detection.box_function, &detection.boxes, &detection.names};
  for (size_t i = 0; i < std::size(all); ++i) {
    *names[i] = all[i].name;
    if (!all[i].file.empty() && std::ranges::find(detection.files, all[i].file) == detection.files.end()) detection.files.emplace_back(all[i].file);
  }
  return {};
}

// A frame of the test, without boxes.
FrameVector painted_frame(uint32_t seed) {
  const auto i = static_cast<int32_t>(seed);
  FrameVector vector;
  vector.seed = seed;
  vector.frame.format = i % 4 == 3 ? HT_FRAME_GRAY8 : i % 2 == 0 ? HT_FRAME_RGB565 : HT_FRAME_RGB888;
  vector.frame.width = 40 + i * 37 % 57;
  vector.frame.height = 30 + i * 29 % 43;
  const int32_t bytes = vector.frame.format == HT_FRAME_RGB888 ? 3 : vector.frame.format == HT_FRAME_RGB565 ? 2 : 1;
  vector.frame.stride = vector.frame.width * bytes + i % 3;
  if (i % 3 == 0) vector.frame.crop = {i % 7, i % 5, vector.frame.width - 10, vector.frame.height - 8};
  vector.pixels = painted_pixels(vector.frame, seed);
  return vector;
}

// A photo made so small that it fits into a test, every other one in 16 bits a pixel.
Result<FrameVector> photo_frame(const std::filesystem::path& file, bool is_packed) {
  constexpr int kMostColumns = 160;
  HT_ASSIGN(Image photo, read_image(file));
  if (photo.width > kMostColumns) {
    Preprocess smaller;
    smaller.width = kMostColumns;
    smaller.height = std::max(1, static_cast<int>(int64_t{photo.height} * kMostColumns / photo.width));
    smaller.resize = ResizeRule::kStretch;
    smaller.color = ColorOrder::kRgb;
    smaller.interpolation = Interpolation::kArea;
    HT_ASSIGN(photo, preprocess_pixels(photo, smaller));
  }
  FrameVector vector;
  vector.frame.width = photo.width;
  vector.frame.height = photo.height;
  vector.frame.format = is_packed ? HT_FRAME_RGB565 : HT_FRAME_RGB888;
  vector.frame.stride = photo.width * (is_packed ? 2 : 3);
  vector.pixels = is_packed ? pack_rgb565(photo) : std::move(photo.pixels);
  return vector;
}

Frame frame_of(const FrameVector& vector) {
  const ht_frame& f = vector.frame;
  Frame frame{vector.pixels, f.width, f.height, f.stride, FrameFormat::kRgb888, {}};
  if (f.format == HT_FRAME_RGB565) frame.format = FrameFormat::kRgb565;
  if (f.format == HT_FRAME_GRAY8) frame.format = FrameFormat::kGray8;
  if (f.crop.width > 0) frame.crop = Crop{f.crop.x, f.crop.y, f.crop.width, f.crop.height};
  return frame;
}

}  // namespace

Result<std::shared_ptr<const Detection>> detection_of(const halftone::Model& model, const Design& design) {
  const Graph& graph = model.content().graph;
  HT_ASSIGN(const auto recipe, written_recipe(graph));
  if (!recipe || recipe->task.type != halftone::TaskType::kDetection || !recipe->preprocess) return std::shared_ptr<const Detection>();
  HT_ASSIGN(const Detector detector, Detector::make(graph, *recipe));
  HT_ASSIGN(const PhotoInput photo, PhotoInput::make(graph, *recipe->preprocess));
  HT_ASSIGN(InputKernel input, input_kernel(photo, design.plan.buffer(design.inputs[0].buffer)));
  auto detection = std::make_shared<Detection>();
  std::vector<OutputElements> elements;
  for (const HeadInput& wanted : detector.head().outputs) {
    HT_ASSIGN(const size_t port, port_of(graph, design, wanted));
    HT_ASSIGN(OutputElements own, elements_of(design.plan.buffer(design.outputs[port].buffer)));
    detection->ports.push_back(port);
    elements.push_back(std::move(own));
  }
  HT_ASSIGN(HeadKernel head, HeadKernel::make(detector.head(), elements));
  const auto kernels = std::make_shared<const Kernels>(Kernels{std::move(input), std::move(head)});
  detection->owner = kernels;
  detection->preprocess = kernels->input.parameters();
  detection->detect = kernels->head.parameters();
  detection->most_candidates = kernels->head.most_candidates();
  detection->scratch_bytes = static_cast<int64_t>(kernels->input.most_scratch_bytes(Detection::kWidestFrame));
  for (const ClassLabel& label : detector.labels()) detection->classes.push_back(label.name);
  HT_TRY(set_names(*detection));
  return std::shared_ptr<const Detection>(std::move(detection));
}

Result<std::vector<FrameVector>> frame_vectors(const halftone::Model& model, const Design& design, std::span<const std::filesystem::path> photos,
                                               const Context& context) {
  constexpr uint32_t kPainted = 12;
  const auto& content = model.content();
  HT_ASSIGN(const auto recipe, written_recipe(content.graph));
  HT_ASSIGN(const Detector detector, Detector::make(content.graph, *recipe));
  HT_ASSIGN(const PhotoInput input, PhotoInput::make(content.graph, *recipe->preprocess));
  HT_ASSIGN(const auto network, content.networks.get(content.graph, content.is_quantized, context.isa, 1));
  Runner runner(*network, 1);
  std::vector<FrameVector> vectors;
  for (uint32_t seed = 1; seed <= kPainted; ++seed) vectors.push_back(painted_frame(seed));
  for (size_t i = 0; i < photos.size(); ++i) {
    HT_ASSIGN(FrameVector vector, photo_frame(photos[i], i % 2 == 1));
    vectors.push_back(std::move(vector));
  }
  const int room = candidate_room(design, design.detection->most_candidates);
  for (FrameVector& vector : vectors) {
    if (context.is_cancelled()) return interrupted();
    HT_ASSIGN(const Image photo, to_image(frame_of(vector)));
    HT_ASSIGN(const Tensor tensor, input.convert(photo));
    HT_ASSIGN(auto raw, runner.run({&tensor, 1}));
    const auto outputs = as_real(content.graph, std::move(raw));
    HT_ASSIGN(const auto found, detector.detect(outputs, input.preprocess(), photo.width, photo.height, room));
    const auto x = static_cast<float>(vector.frame.crop.x), y = static_cast<float>(vector.frame.crop.y);
    for (const auto& [box, score, class_index] : found) vector.boxes.push_back({box.x0 + x, box.y0 + y, box.x1 + x, box.y1 + y, score, class_index});
  }
  return vectors;
}

}  // namespace ht
