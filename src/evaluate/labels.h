// SPDX-License-Identifier: Apache-2.0
// Ground truth of classification.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "image/list.h"

namespace ht {

struct LabeledSample {
  std::string name;  // a file relative to the folder of the images, or a sample's index in an array
  int label = 0;     // index of the model's class
  bool operator==(const LabeledSample&) const = default;
};

// CSV lines `file,label`; a first line whose label reads "label" is a heading. A label is a name in `classes` or an index
// below `class_count`. Fields may stand in double quotes. Errors name the line.
Result<std::vector<LabeledSample>> parse_labels(std::string_view csv, std::span<const std::string> classes, int class_count);
Result<std::vector<LabeledSample>> read_labels(const std::filesystem::path& path, std::span<const std::string> classes,
                                               int class_count);

// A folder a class: the label is the folder's place in `classes`, or, where that list is empty, among the folders in the order
// of their names. Samples are the files in them that end so, sorted by class and name.
Result<std::vector<LabeledSample>> labels_from_folders(const std::filesystem::path& folder, std::span<const std::string> classes,
                                                       int class_count,
                                                       std::span<const std::string_view> endings = kPhotoEndings);

}  // namespace ht
