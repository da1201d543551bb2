// SPDX-License-Identifier: Apache-2.0
#include "api/detector.h"

#include "api/words.h"
#include "base/checked.h"
#include "evaluate/structure.h"

namespace ht {
namespace {

using halftone::Recipe;
using halftone::Task;
using halftone::TaskType;

DetectionTask to_internal(const Task& task, size_t class_count) {
  DetectionTask result;
  result.head = task.head;
  result.strides = task.strides;
  for (const auto& level : task.anchors) {
    auto& anchors = result.anchors.emplace_back();
    for (const halftone::Anchor& anchor : level) anchors.push_back({anchor.width, anchor.height});
  }
  result.center_offset = task.center_offset;
  result.class_count = static_cast<int>(class_count);
  result.score_threshold = task.score_threshold;
  result.nms_threshold = task.nms_threshold;
  result.max_detections = task.max_detections;
  result.multi_label = task.multi_label;
  return result;
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
  const DetectionTask task = to_internal(recipe.task, detector.labels_.size());
  std::vector<ModelOutput> outputs = describe_outputs(graph, task, input);
  for (ModelOutput& output : outputs) {
    detector.outputs_.push_back(output.name);
    if (recipe.task.scores) output.scores = parse_score_form(word_of(*recipe.task.scores));
    if (recipe.task.boxes) output.boxes = parse_box_form(word_of(*recipe.task.boxes));
  }
  HT_ASSIGN(detector.head_, resolve_head(task, input, outputs));
  return detector;
}

Result<std::vector<Candidate>> Detector::detect(std::span<const Tensor> outputs, const Preprocess& preprocess, int photo_width,
                                                int photo_height) const {
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
  return ht::detect(head_, values, placement, photo_width, photo_height);
}

halftone::Detection to_public(const Candidate& candidate, std::span<const ClassLabel> labels) {
  const CocoDetection found = to_coco(candidate, 0, labels);
  return {found.category_id, labels[static_cast<size_t>(candidate.class_index)].name, found.box, found.score};
}

std::optional<Task> suggest_task(const Graph& graph, InputSize input) {
  std::vector<ModelOutput> outputs;
  for (ValueId id : graph.outputs) outputs.push_back({graph.value(id).name, graph.value(id).type.shape, {}, {}, {}});
  const auto guess = guess_head(input, outputs);
  if (!guess) return std::nullopt;
  Task task;
  task.type = TaskType::kDetection;
  task.head = guess->head;
  task.strides = guess->strides;
  task.center_offset = guess->center_offset;
  task.score_threshold = guess->score_threshold;
  task.nms_threshold = guess->nms_threshold;
  task.max_detections = guess->max_detections;
  task.multi_label = guess->multi_label;
  constexpr int kCocoClasses = 80;
  if (guess->class_count == kCocoClasses) {
    task.class_list = "coco80";
  } else {
    for (int i = 0; i < guess->class_count; ++i) task.classes.push_back(fmt::format("class {}", i + 1));
  }
  return task;
}

}  // namespace ht
