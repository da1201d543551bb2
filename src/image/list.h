// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"

namespace ht {

// The image files that `source` names, relative to `base` unless it is absolute, sorted by the bytes of their paths:
// - a folder: its files that end in .jpg, .jpeg, .png or .webp in any case, without its subfolders;
// - a pattern with * or ? or [ in its last part: the regular files that match;
// - an image file: that one;
// - any other file: a list, one path a line, relative to the list's folder; empty lines and lines that start with # do not count.
// An error where nothing is found.
Result<std::vector<std::filesystem::path>> list_images(const std::string& source, const std::filesystem::path& base = {});

}  // namespace ht
