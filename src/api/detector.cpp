// SPDX-License-Identifier: Apache-2.0
#include "api/detector.h"

#include <charconv>

#include <fmt/format.h>

#include "api/words.h"
#include "base/checked.h"
#include "evaluate/structure.h"
#include "import/onnx/import.h"

namespace ht {
namespace {

using halftone::Recipe;
using halftone::Task;
using halftone::TaskType;

template <class To, class From>
std::optional<To> converted(const std::optional<From>& value) {
  return value ? std::optional(static_cast<To>(*value)) : std::nullopt;
}

DetectionTask to_internal(const Task& task, size_t class_count) {
  DetectionTask result;
  result.head = task.head;
  result.strides = task.strides;
  for (const auto& level : task.anchors) {
    auto& anchors = result.anchors.emplace_back();
    for (const halftone::Anchor& anchor : level) anchors.push_back({anchor.width, anchor.height});
  }
  result.center_offset = task.center_offset;
  result.boxes = converted<BoxForm>(task.boxes);
  result.scores = converted<ScoreForm>(task.scores);
  result.background = converted<Background>(task.background);
  result.order = converted<BoxOrder>(task.order);
  for (const halftone::Prior& prior : task.priors) result.priors.push_back({prior.x, prior.y, prior.width, prior.height});
  result.sizes = task.sizes;
  result.ratios = task.ratios;
  result.steps = task.steps;
  result.variances = task.variances;
  result.first_class = task.first_class;
  result.class_count = static_cast<int>(class_count);
  result.score_threshold = task.score_threshold;
  result.nms_threshold = task.nms_threshold;
  result.max_detections = task.max_detections;
  result.multi_label = task.multi_label;
  return result;
}

// All but the classes.
Task to_public(const DetectionTask& task) {
  Task result;
  result.type = TaskType::kDetection;
  result.head = task.head;
  result.strides = task.strides;
  for (const auto& level : task.anchors) {
    auto& anchors = result.anchors.emplace_back();
    for (const Anchor& anchor : level) anchors.push_back({anchor.width, anchor.height});
  }
  result.center_offset = task.center_offset;
  result.boxes = converted<halftone::BoxForm>(task.boxes);
  result.scores = converted<halftone::ScoreForm>(task.scores);
  result.background = converted<halftone::Background>(task.background);
  result.order = converted<halftone::BoxOrder>(task.order);
  for (const Prior& prior : task.priors) result.priors.push_back({prior.x, prior.y, prior.width, prior.height});
  result.sizes = task.sizes;
  result.ratios = task.ratios;
  result.steps = task.steps;
  result.variances = task.variances;
  result.first_class = task.first_class;
  result.score_threshold = task.score_threshold;
  result.nms_threshold = task.nms_threshold;
  result.max_detections = task.max_detections;
  result.multi_label = task.multi_label;
  return result;
}

// Names the head that the outputs suggest for so many classes; what the task states stays, and so do its thresholds.
Status name_head(DetectionTask& task, InputSize input, const std::vector<ModelOutput>& outputs) {
  const auto guess = guess_head(input, outputs, task);
  if (!guess) {
    std::string shapes;
    for (const ModelOutput& output : outputs)
      shapes += fmt::format("{}\"{}\" [{}]", shapes.empty() ? "" : ", ", output.name, fmt::join(output.shape, ", "));
    return input_error("no head fits the model's outputs {} for {} classes and an input of {} x {}; check 'classes', or name the head in "
                       "[task], as in: head = \"yolov5\"",
                       shapes, task.class_count, input.height, input.width);
  }
  DetectionTask named = *guess;
  named.class_count = task.class_count;
  named.score_threshold = task.score_threshold;
  named.nms_threshold = task.nms_threshold;
  named.max_detections = task.max_detections;
  named.multi_label = task.multi_label;
  task = std::move(named);
  return {};
}

}  // namespace

Result<std::vector<ClassLabel>> labels_of(const Task& task) {
  if (!task.classes.empty()) return class_list(task.classes);
  if (!task.class_list.empty()) return class_list(task.class_list);
  return std::vector<ClassLabel>{};
}

Result<Detector> Detector::make(const Graph& graph, const Recipe& recipe) {
  if (recipe.task.type != TaskType::kDetection)
    return usage_error("the recipe's task is \"{}\", not \"detection\"; write [task] for a detector", word_of(recipe.task.type));
  if (!recipe.preprocess) return usage_error("detection needs [preprocess] in the recipe");
  Detector detector;
  HT_ASSIGN(detector.labels_, labels_of(recipe.task));
  const InputSize input{recipe.preprocess->height, recipe.preprocess->width};
  DetectionTask task = to_internal(recipe.task, detector.labels_.size());
  if (task.head.empty()) HT_TRY(name_head(task, input, describe_outputs(graph).outputs));
  const DescribedOutputs described = describe_outputs(graph, task, input);
  for (const ModelOutput& output : described.outputs) detector.outputs_.push_back(output.name);
  HT_ASSIGN(detector.head_, resolve_head(task, input, described.outputs));
  return detector;
}

void Detector::settle(Task& task) const {
  Task settled = to_public(head_.task);
  settled.boxes = static_cast<halftone::BoxForm>(head_.boxes);
  settled.scores = static_cast<halftone::ScoreForm>(head_.scores);
  settled.class_list = task.class_list;
  settled.classes = task.classes;
  task = std::move(settled);
}

Result<std::vector<Candidate>> Detector::detect(std::span<const Tensor> outputs, const Preprocess& preprocess, int photo_width,
                                                int photo_height, std::optional<int> room) const {
  HT_ASSIGN(const PhotoPlacement placement, photo_placement(photo_width, photo_height, preprocess));
  std::vector<std::vector<float>> converted;
  converted.reserve(outputs.size());
  std::vector<HeadOutput> values;
  for (size_t i = 0; i < outputs.size(); ++i) {
    std::span<const float> data;
    if (outputs[i].dtype() == DType::kFloat32) {
      data = outputs[i].data<float>();
    } else {
      data = converted.emplace_back(outputs[i].to_floats());
    }
    values.push_back({outputs_[i], outputs[i].shape(), data});
  }
  HT_ASSIGN(auto found, ht::detect(head_, values, placement, photo_width, photo_height, room));
  std::erase_if(found, [&](const Candidate& candidate) { return !labels_[static_cast<size_t>(candidate.class_index)].is_named(); });
  return found;
}

halftone::Detection to_public(const Candidate& candidate, std::span<const ClassLabel> labels) {
  const CocoDetection found = to_coco(candidate, 0, labels);
  return {found.category_id, labels[static_cast<size_t>(candidate.class_index)].name, found.box, found.score};
}

std::optional<float> suppression_left_out(const Graph& graph) {
  const auto found = graph.metadata.find(kSuppressionKey);
  if (found == graph.metadata.end()) return std::nullopt;
  const std::string& text = found->second;
  float overlap = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), overlap);
  return read.ec == std::errc() && overlap >= 0 && overlap <= 1 ? std::optional(overlap) : std::nullopt;
}

std::optional<Task> suggest_task(const Graph& graph, InputSize input) {
  const auto guess = guess_head(input, describe_outputs(graph).outputs);
  if (!guess) return std::nullopt;
  Task task = to_public(*guess);
  task.nms_threshold = suppression_left_out(graph).value_or(task.nms_threshold);
  if (const std::string_view known = class_list_of(guess->class_count); !known.empty()) {
    task.class_list = known;
  } else {
    for (int i = 0; i < guess->class_count; ++i) task.classes.push_back(fmt::format("class {}", i + 1));
  }
  return task;
}

}  // namespace ht
