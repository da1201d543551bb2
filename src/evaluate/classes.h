// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "evaluate/coco.h"
#include "evaluate/nms.h"

namespace ht {

struct ClassLabel {
  int64_t id = 0;  // the category_id of annotations and results
  std::string name;  // empty: a number that the data set skips
  bool is_named() const { return !name.empty(); }
  bool operator==(const ClassLabel&) const = default;
};

// The built-in list of that name. "coco80": the classes that COCO uses, under ids from 1 to 90 with gaps. "coco90": all numbers from
// 1, as TensorFlow's models have them, gaps without a name. "coco91": from 0, as DETR and torchvision have them. An error names
// the lists there are.
Result<std::vector<ClassLabel>> class_list(std::string_view name);
// The name of the built-in list with so many classes; empty where there is none.
std::string_view class_list_of(int class_count);
// Names in the order of the model's classes; ids count from 1. An error where the list is empty or a name stands twice.
Result<std::vector<ClassLabel>> class_list(std::span<const std::string> names);

// An error where the data set has no category with the id of a class, or has the class's name under another id.
Status check_classes(std::span<const ClassLabel> classes, const CocoDataset& dataset);

// As a result list gives it: a corner and a size, rounded to a thousandth of a pixel. `class_index` is within `classes`.
CocoDetection to_coco(const Candidate& candidate, int64_t image_id, std::span<const ClassLabel> classes);

}  // namespace ht
