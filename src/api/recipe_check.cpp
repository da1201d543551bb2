// SPDX-License-Identifier: Apache-2.0
#include "api/recipe_check.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "api/suggest.h"
#include "api/words.h"
#include "base/checked.h"
#include "evaluate/classes.h"
#include "evaluate/head.h"

namespace ht {
namespace {

using halftone::CalibrationData;
using halftone::QuantizeSettings;
using halftone::Recipe;
using halftone::Task;
using halftone::TaskType;
using halftone::ValidationData;

using Fault = std::optional<RecipeFault>;

constexpr int kMaxSide = 1 << 15;
constexpr int kMaxStride = 1 << 10;
constexpr size_t kMaxRank = 8;
constexpr auto kTargets = std::to_array<std::string_view>({"native", "onnxruntime", "openvino", "cortex-m"});
constexpr auto kPlannedTargets = std::to_array<std::string_view>({"tensorrt", "tflite", "dpu", "matlab"});

bool contains(std::span<const std::string_view> words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

Fault fault(std::string_view section, std::string_view key, Error error) { return RecipeFault{section, key, std::move(error)}; }

bool is_share(float value) { return value >= 0 && value <= 1; }

Fault find_anchor_fault(const Task& task) {
  for (const auto& level : task.anchors) {
    for (const halftone::Anchor& anchor : level) {
      if (!(anchor.width > 0 && anchor.height > 0) || !std::isfinite(anchor.width) || !std::isfinite(anchor.height))
        return fault("task", "anchors", input_error("'anchors' in [task] must have a width and a height above 0, in pixels of the input"));
    }
  }
  if (!task.anchors.empty() && !task.strides.empty() && task.anchors.size() != task.strides.size())
    return fault("task", "anchors", input_error("'anchors' in [task] has {} lists, but there are {} strides; give one list a stride",
                                                task.anchors.size(), task.strides.size()));
  return std::nullopt;
}

bool is_positive(float value) { return value > 0 && std::isfinite(value); }

Fault find_list_fault(const Task& task, std::string_view key, const std::vector<std::vector<float>>& lists) {
  for (const auto& list : lists) {
    if (!std::ranges::all_of(list, is_positive)) return fault("task", key, input_error("'{}' in [task] must be above 0", key));
  }
  if (!lists.empty() && !task.strides.empty() && lists.size() != task.strides.size())
    return fault("task", key, input_error("'{}' in [task] has {} lists, but there are {} strides; give one list a stride", key, lists.size(),
                                          task.strides.size()));
  return std::nullopt;
}

Fault find_prior_fault(const Task& task) {
  for (const halftone::Prior& prior : task.priors) {
    if (!std::isfinite(prior.x) || !std::isfinite(prior.y) || !is_positive(prior.width) || !is_positive(prior.height))
      return fault("task", "priors", input_error("'priors' in [task] must have a centre, and a width and a height above 0"));
  }
  if (Fault found = find_list_fault(task, "sizes", task.sizes)) return found;
  if (Fault found = find_list_fault(task, "ratios", task.ratios)) return found;
  if (task.sizes.size() != task.ratios.size())
    return fault("task", task.sizes.empty() ? "ratios" : "sizes",
                 input_error("'sizes' and 'ratios' in [task] belong together: give one list of each a stride"));
  for (size_t i = 0; i < task.sizes.size(); ++i) {
    const size_t sizes = task.sizes[i].size(), ratios = task.ratios[i].size();
    if (sizes != ratios && sizes != 1 && ratios != 1)
      return fault("task", "ratios", input_error("'ratios' in [task] has {} numbers where 'sizes' has {}; give as many, or one for all",
                                                 ratios, sizes));
  }
  if (!std::ranges::all_of(task.steps, is_positive) || (!task.steps.empty() && task.steps.size() != task.strides.size()))
    return fault("task", "steps", input_error("'steps' in [task] must be one number above 0 for each of 'strides'"));
  const bool enough = task.variances.empty() || task.variances.size() == 2 || task.variances.size() == 4;
  if (!enough || !std::ranges::all_of(task.variances, is_positive))
    return fault("task", "variances", input_error("'variances' in [task] must be two numbers above 0, of centre and size, or four"));
  return std::nullopt;
}

Fault find_head_fault(const Task& task) {
  const auto heads = head_names();
  // Without a head the model's structure tells which it is.
  if (!task.head.empty() && !contains(heads, task.head))
    return fault("task", "head", input_error("'head' in [task] is '{}'; did you mean '{}'? It may be {}", task.head,
                                             nearest_word(task.head, heads), joined_words(heads)));
  if (task.classes.empty() && task.class_list.empty())
    return fault("task", "", input_error("[task] needs 'classes' for detection: \"coco80\" or a list of names in the model's order"));
  for (int stride : task.strides) {
    if (stride < 1 || stride > kMaxStride)
      return fault("task", "strides", input_error("'strides' in [task] must be from 1 to {}", kMaxStride));
  }
  if (Fault found = find_anchor_fault(task)) return found;
  return find_prior_fault(task);
}

template <class Data>
Fault find_data_fault(std::string_view section, const Data& data) {
  if (data.images.empty() && data.arrays.empty())
    return fault(section, "", input_error("[{}] needs 'images': a folder, a pattern such as \"photos/*.jpg\", or a file with a list", section));
  return std::nullopt;
}

bool has_activation_bits(int bits) { return bits == 8 || bits == 16 || bits == halftone::kFloatActivations; }

}  // namespace

std::optional<RecipeFault> find_fault(const halftone::Preprocess& preprocess) {
  if (preprocess.height < 1 || preprocess.width < 1 || preprocess.height > kMaxSide || preprocess.width > kMaxSide)
    return fault("preprocess", "size",
                 input_error("'size' in [preprocess] must be [height, width], each from 1 to {}", kMaxSide));
  for (int channel = 0; channel < 3; ++channel) {
    if (!std::isfinite(preprocess.mean[channel]))
      return fault("preprocess", "mean", input_error("'mean' in [preprocess] must be finite"));
    if (preprocess.std[channel] == 0 || !std::isfinite(preprocess.std[channel]))
      return fault("preprocess", "std", input_error("'std' in [preprocess] must not be 0, because pixels are divided by it"));
  }
  return std::nullopt;
}

std::optional<RecipeFault> find_fault(const Task& task) {
  if (task.type == TaskType::kDetection) {
    if (Fault found = find_head_fault(task)) return found;
  }
  if (!task.class_list.empty()) {
    if (auto known = class_list(task.class_list); !known) return fault("task", "classes", std::move(known.error()));
  }
  if (!task.classes.empty()) {
    if (auto valid = class_list(task.classes); !valid) return fault("task", "classes", std::move(valid.error()));
  }
  if (!is_share(task.score_threshold))
    return fault("task", "score_threshold", input_error("'score_threshold' in [task] must be from 0 to 1"));
  if (!is_share(task.nms_threshold)) return fault("task", "nms_threshold", input_error("'nms_threshold' in [task] must be from 0 to 1"));
  if (task.max_detections < 1) return fault("task", "max_detections", input_error("'max_detections' in [task] must be at least 1"));
  if (task.center_offset && !is_share(*task.center_offset))
    return fault("task", "center_offset", input_error("'center_offset' in [task] must be from 0 to 1"));
  return std::nullopt;
}

bool is_group(int group) { return group == 0 || group == 32 || group == 64 || group == 128; }

std::optional<RecipeFault> find_fault(const QuantizeSettings& settings) {
  if (contains(kPlannedTargets, settings.target))
    return fault("quantize", "target", unsupported("the target '{}' is not built yet; this version has {}", settings.target, joined_words(kTargets)));
  if (!contains(kTargets, settings.target))
    return fault("quantize", "target", input_error("'target' in [quantize] is '{}'; did you mean '{}'? It may be {}", settings.target,
                                                   nearest_word(settings.target, kTargets), joined_words(kTargets)));
  const bool half = settings.weights == halftone::kFloat16Weights;
  if (settings.weights != 8 && settings.weights != 4 && !half)
    return fault("quantize", "weights", input_error("'weights' in [quantize] must be 8 or 4 bits, or \"float16\""));
  if (settings.average_bits && settings.weights != 4)
    return fault("quantize", "average_bits", input_error("'average_bits' in [quantize] goes with weights of 4 bits; set weights = 4, or leave it out"));
  if (settings.average_bits && !(*settings.average_bits >= 4 && *settings.average_bits <= 8))
    return fault("quantize", "average_bits", input_error("'average_bits' in [quantize] must be from 4 to 8"));
  if (!is_group(settings.group)) return fault("quantize", "group", input_error("'group' in [quantize] must be 32, 64 or 128 inputs, or 0"));
  if (settings.group != 0 && settings.granularity == halftone::Granularity::kTensor)
    return fault("quantize", "group", input_error("'group' in [quantize] needs a scale a channel; leave it out or set granularity = \"channel\""));
  if (!has_activation_bits(settings.activations))
    return fault("quantize", "activations", input_error("'activations' in [quantize] must be 8 or 16 bits, or \"float\""));
  if (half && (settings.activations == 16 || !settings.layers.empty()))
    return fault("quantize", "weights", input_error("with weights of \"float16\" everything computes in float; leave 'activations' and layers out"));
  if (half && settings.group != 0)
    return fault("quantize", "group", input_error("with weights of \"float16\" there are no scales to share; leave 'group' out"));
  for (const halftone::LayerSettings& layer : settings.layers) {
    if (layer.weights && *layer.weights != 8 && *layer.weights != 4)
      return fault("quantize", "layer", input_error("'weights' of the layers \"{}\" must be 8 or 4 bits", layer.match));
    if (layer.group && !is_group(*layer.group))
      return fault("quantize", "layer", input_error("'group' of the layers \"{}\" must be 32, 64 or 128 inputs, or 0", layer.match));
    if (layer.activations && !has_activation_bits(*layer.activations))
      return fault("quantize", "layer", input_error("'activations' of the layers \"{}\" must be 8 or 16 bits, or \"float\"", layer.match));
  }
  if (settings.prefer == halftone::Prefer::kLatency && settings.target == "cortex-m")
    return fault("quantize", "prefer", unsupported("latency is measured on this machine, which says nothing about {}; use accuracy", settings.target));
  return std::nullopt;
}

std::optional<RecipeFault> find_fault(const Recipe& recipe) {
  if (recipe.model.path.empty()) return fault("model", "", input_error("[model] needs 'path', the ONNX file"));
  const auto& shape = recipe.model.input_shape;
  const bool positive = std::all_of(shape.begin(), shape.end(), [](int64_t size) { return size > 0; });
  if (shape.size() > kMaxRank || !positive || !checked_product(shape))
    return fault("model", "input_shape", input_error("'input_shape' in [model] must have at most {} sizes above 0", kMaxRank));
  if (recipe.preprocess) {
    if (Fault found = find_fault(*recipe.preprocess)) return found;
  }
  if (Fault found = find_fault(recipe.task)) return found;
  if (recipe.task.type == TaskType::kDetection && !recipe.preprocess)
    return fault("task", "type", input_error("detection needs [preprocess], at least its 'size'"));
  if (recipe.calibration) {
    if (Fault found = find_data_fault("calibration", *recipe.calibration)) return found;
    if (recipe.calibration->count < 1) return fault("calibration", "count", input_error("'count' in [calibration] must be at least 1"));
  }
  if (recipe.validation) {
    if (Fault found = find_data_fault("validation", *recipe.validation)) return found;
  }
  return find_fault(recipe.quantize);
}

}  // namespace ht
