// SPDX-License-Identifier: Apache-2.0
#include "api/suggest_recipe.h"

#include <algorithm>

#include "api/detector.h"

namespace ht {
namespace {

using halftone::Task;
using halftone::TaskType;

// Size and layout where the model's only input can be a photo.
std::optional<halftone::Preprocess> photo_form(const Graph& graph) {
  if (graph.inputs.size() != 1) return std::nullopt;
  const Shape& shape = graph.value(graph.inputs[0]).type.shape;
  constexpr int64_t kLeastSide = 16;
  const auto is_photo = [](int64_t channels, int64_t height, int64_t width) {
    return (channels == 1 || channels == 3) && height >= kLeastSide && width >= kLeastSide && std::max(height, width) <= (1 << 15);
  };
  if (shape.size() != 4 || shape[0] != 1) return std::nullopt;
  const bool nchw = is_photo(shape[1], shape[2], shape[3]);
  if (!nchw && !is_photo(shape[3], shape[1], shape[2])) return std::nullopt;
  halftone::Preprocess preprocess;
  preprocess.height = static_cast<int>(shape[nchw ? 2 : 1]);
  preprocess.width = static_cast<int>(shape[nchw ? 3 : 2]);
  if (shape[nchw ? 1 : 3] == 1) preprocess.color = halftone::ColorOrder::kGray;
  return preprocess;
}

constexpr std::array<float, 3> kImageNetMean = {123.675f, 116.28f, 103.53f};
constexpr std::array<float, 3> kImageNetDeviation = {58.395f, 57.12f, 57.375f};

void photo_of_classifier(halftone::Preprocess& preprocess) {
  preprocess.resize = halftone::Resize::kStretch;
  if (preprocess.color != halftone::ColorOrder::kGray) preprocess.color = halftone::ColorOrder::kRgb;
  preprocess.mean = kImageNetMean;
  preprocess.std = kImageNetDeviation;
}

// As the family's own training code prepares photos.
void photo_of_head(const Task& task, halftone::Preprocess& preprocess) {
  if (task.head == "yolox") return;  // letterbox at the top left, BGR from 0 to 255
  if (task.head == "fastestdet" || task.head == "yolo-fastestv2") {
    preprocess.resize = halftone::Resize::kStretch;
    preprocess.std = {255, 255, 255};
  } else if (task.head == "nanodet") {
    const bool picodet = task.strides.size() == 4 && task.center_offset == 0.5f;
    preprocess.resize = halftone::Resize::kStretch;
    preprocess.color = picodet ? halftone::ColorOrder::kRgb : halftone::ColorOrder::kBgr;
    preprocess.interpolation = picodet ? halftone::Interpolation::kCubic : halftone::Interpolation::kBilinear;
    preprocess.mean = picodet ? kImageNetMean : std::array<float, 3>{103.53f, 116.28f, 123.675f};
    preprocess.std = picodet ? kImageNetDeviation : std::array<float, 3>{57.375f, 57.12f, 58.395f};
  } else if (task.head == "ssd" || task.head == "boxes") {
    photo_of_classifier(preprocess);
    if (task.head == "ssd") preprocess.mean = preprocess.std = {127.5f, 127.5f, 127.5f};
  } else {
    preprocess.place = halftone::Place::kCenter;
    preprocess.color = halftone::ColorOrder::kRgb;
    preprocess.std = {255, 255, 255};
  }
}

bool is_classifier(const Graph& graph) {
  if (graph.outputs.size() != 1) return false;
  const Shape& shape = graph.value(graph.outputs[0]).type.shape;
  const int64_t count = element_count(shape);
  return count > 1 && std::ranges::find(shape, count) != shape.end();
}

}  // namespace

halftone::Recipe suggest_recipe(const Graph& graph) {
  halftone::Recipe recipe;
  recipe.preprocess = photo_form(graph);
  if (recipe.preprocess) {
    if (auto task = suggest_task(graph, {recipe.preprocess->height, recipe.preprocess->width})) {
      recipe.task = *std::move(task);
      photo_of_head(recipe.task, *recipe.preprocess);
      return recipe;
    }
  }
  if (is_classifier(graph)) {
    recipe.task.type = TaskType::kClassification;
    if (recipe.preprocess) photo_of_classifier(*recipe.preprocess);
  }
  return recipe;
}

}  // namespace ht
