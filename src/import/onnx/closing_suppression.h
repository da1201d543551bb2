// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <unordered_set>

#include "import/onnx/model.h"

namespace ht {

// NonMaxSuppression at a model's end: what depends on it has a size that the network's input decides.
struct ClosingSuppression {
  std::string node;           // its name
  std::string boxes, scores;  // what it reads
  float overlap = 0;          // what overlaps more is dropped
  std::unordered_set<std::string> behind;  // values that depend on it
  // Whether something behind it picks from values that are neither the boxes nor the scores, say labels.
  bool picks_others = false;
};

// Nothing where there is none, or several, or how much may overlap is not known.
std::optional<ClosingSuppression> find_closing_suppression(const OnnxModel& model);

// The outputs behind it make way for the boxes and scores that it reads, and the metadata say so.
void end_before(const ClosingSuppression& closing, OnnxModelInfo& info);

}  // namespace ht
