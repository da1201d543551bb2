// SPDX-License-Identifier: Apache-2.0
// A model's head as a recipe's [task] describes it.
#pragma once

#include "evaluate/classes.h"
#include "evaluate/head.h"
#include "halftone/recipe.h"
#include "halftone/results.h"
#include "ir/graph.h"

namespace ht {

// The names and ids of the task's classes; empty where a classification names none.
Result<std::vector<ClassLabel>> labels_of(const halftone::Task& task);

class Detector {
 public:
  // kUsage where the recipe is not for detection, kInput where its head does not fit the model.
  static Result<Detector> make(const Graph& graph, const halftone::Recipe& recipe);

  const HeadConfig& head() const { return head_; }
  // Fills in what the recipe left open, so that the head can be read where the model's structure no longer tells.
  void settle(halftone::Task& task) const;
  const std::vector<ClassLabel>& labels() const { return labels_; }
  // From the outputs of a run, in the graph's order, to boxes on the photo; `room` is that of ht::detect().
  Result<std::vector<Candidate>> detect(std::span<const Tensor> outputs, const Preprocess& preprocess, int photo_width, int photo_height,
                                        std::optional<int> room = {}) const;

 private:
  HeadConfig head_;
  std::vector<ClassLabel> labels_;
  std::vector<std::string> outputs_;  // the graph's, by name
};

halftone::Detection to_public(const Candidate& candidate, std::span<const ClassLabel> labels);

// The overlap that a suppression at the model's end allowed before it was left out; nothing where there was none.
std::optional<float> suppression_left_out(const Graph& graph);

// The task that the model's outputs suggest, ready for a recipe; none where no head fits.
std::optional<halftone::Task> suggest_task(const Graph& graph, InputSize input);

}  // namespace ht
