// SPDX-License-Identifier: Apache-2.0
#include "image/list.h"

#include <fnmatch.h>

#include <algorithm>
#include <system_error>

#include "base/file.h"

namespace ht {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMaxListBytes = int64_t{256} << 20;

bool is_image_name(const fs::path& path) {
  std::string ending = path.extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return ending == ".jpg" || ending == ".jpeg" || ending == ".png" || ending == ".webp";
}

template <class Predicate>
Result<std::vector<fs::path>> files_in(const fs::path& folder, Predicate wanted) {
  std::vector<fs::path> found;
  std::error_code error;
  fs::directory_iterator entry(folder, error);
  while (!error && entry != fs::directory_iterator()) {
    std::error_code ignored;
    if (wanted(entry->path()) && entry->is_regular_file(ignored)) found.push_back(entry->path());
    entry.increment(error);
  }
  if (error) return input_error("cannot be listed: {}", error.message()).in(folder.string());
  return found;
}

Result<std::vector<fs::path>> lines_of(const fs::path& list) {
  HT_ASSIGN(const std::vector<uint8_t> bytes, read_file(list, kMaxListBytes));
  std::vector<fs::path> found;
  auto begin = bytes.begin();
  while (begin != bytes.end()) {
    const auto end = std::find(begin, bytes.end(), uint8_t{'\n'});
    std::string line(begin, end);
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (line.find('\0') != std::string::npos)
      return input_error("neither an image (.jpg, .jpeg, .png, .webp) nor a list of paths").in(list.string());
    if (!line.empty() && line[0] != '#') found.push_back(list.parent_path() / line);
    begin = end == bytes.end() ? end : end + 1;
  }
  return found;
}

Result<std::vector<fs::path>> find(const fs::path& source) {
  std::error_code ignored;
  if (fs::is_directory(source, ignored)) return files_in(source, is_image_name);
  const std::string name = source.filename().string();
  if (!fs::exists(source, ignored) && name.find_first_of("*?[") != std::string::npos) {
    const fs::path folder = source.has_parent_path() ? source.parent_path() : fs::path(".");
    return files_in(folder,
                    [&](const fs::path& path) { return fnmatch(name.c_str(), path.filename().c_str(), FNM_PERIOD) == 0; });
  }
  if (!fs::exists(source, ignored)) return input_error("no such file or folder").in(source.string());
  if (is_image_name(source)) return std::vector<fs::path>{source};
  return lines_of(source);
}

}  // namespace

Result<std::vector<fs::path>> list_images(const std::string& source, const fs::path& base) {
  const fs::path path = base / source;
  HT_ASSIGN(std::vector<fs::path> found, find(path));
  if (found.empty()) return input_error("no images found; wanted are .jpg, .jpeg, .png or .webp").in(path.string());
  std::sort(found.begin(), found.end(), [](const fs::path& a, const fs::path& b) { return a.native() < b.native(); });
  return found;
}

}  // namespace ht
