// SPDX-License-Identifier: Apache-2.0
// Folders of values: an array each, and values.json, which says what they are.
#pragma once

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "halftone/model.h"

namespace ht {

inline constexpr const char* kDumpManifest = "values.json";

// Names of files, without their endings, for names that may hold anything: of plain characters and bounded length, and different from
// each other whatever the case of letters. The same names in the same order give the same files.
class FileNames {
 public:
  std::string make(const std::string& name);

 private:
  std::set<std::string> taken_;
  std::map<std::string, int> counts_;
};

// What a folder of values says of one.
struct DumpedValue {
  std::string name;
  std::string layer, op, type;  // empty where there is no manifest
  std::filesystem::path file;   // of the real numbers
};

// In the order in which they were made, as the manifest tells; without one, the folder's .npy files in the order of their names.
Result<std::vector<DumpedValue>> list_dump(const std::filesystem::path& folder);

}  // namespace ht
