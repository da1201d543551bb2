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

using Endings = std::span<const std::string_view>;

std::string text_of(Endings endings) {
  std::string text;
  for (size_t i = 0; i < endings.size(); ++i) {
    if (i > 0) text += i + 1 == endings.size() ? " or " : ", ";
    text += endings[i];
  }
  return text;
}

template <class Predicate>
Result<std::vector<fs::path>> entries_of(const fs::path& folder, Predicate wanted) {
  std::vector<fs::path> found;
  std::error_code error;
  fs::directory_iterator entry(folder, error);
  while (!error && entry != fs::directory_iterator()) {
    if (wanted(*entry)) found.push_back(entry->path());
    entry.increment(error);
  }
  if (error) return input_error("cannot be listed: {}", error.message()).in(folder.string());
  return found;
}

bool is_file(const fs::directory_entry& entry) {
  std::error_code ignored;
  return entry.is_regular_file(ignored);
}

bool is_folder(const fs::directory_entry& entry) {
  std::error_code ignored;
  return entry.is_directory(ignored);
}

bool is_pattern(const std::string& name) { return name.find_first_of("*?[") != std::string::npos; }

// The files that match a path whose parts may be patterns; a part that is there as it stands is no pattern.
Result<std::vector<fs::path>> matches_of(const fs::path& pattern) {
  std::vector<fs::path> places = {pattern.is_absolute() ? pattern.root_path() : fs::path()};
  const fs::path relative = pattern.relative_path();
  for (auto part = relative.begin(); part != relative.end(); ++part) {
    const bool last = std::next(part) == relative.end();
    const std::string name = part->string();
    std::vector<fs::path> next;
    for (const fs::path& place : places) {
      std::error_code ignored;
      if (!is_pattern(name) || fs::exists(place / name, ignored)) {
        next.push_back(place / name);
        continue;
      }
      HT_ASSIGN(const auto found, entries_of(place.empty() ? fs::path(".") : place, [&](const fs::directory_entry& entry) {
                  return fnmatch(name.c_str(), entry.path().filename().c_str(), FNM_PERIOD) == 0 && (last ? is_file(entry) : is_folder(entry));
                }));
      next.insert(next.end(), found.begin(), found.end());
    }
    places = std::move(next);
  }
  // A part behind a pattern need not be in every folder that matches it.
  std::erase_if(places, [](const fs::path& place) {
    std::error_code ignored;
    return !fs::is_regular_file(place, ignored);
  });
  return places;
}

Result<std::vector<fs::path>> lines_of(const fs::path& list, Endings endings) {
  HT_ASSIGN(const std::vector<uint8_t> bytes, read_file(list, kMaxListBytes));
  std::vector<fs::path> found;
  auto begin = bytes.begin();
  while (begin != bytes.end()) {
    const auto end = std::find(begin, bytes.end(), uint8_t{'\n'});
    std::string line(begin, end);
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (line.find('\0') != std::string::npos)
      return input_error("is neither a file {} nor a list of paths", text_of(endings)).in(list.string());
    if (!line.empty() && line[0] != '#') found.push_back(list.parent_path() / line);
    begin = end == bytes.end() ? end : end + 1;
  }
  return found;
}

Result<std::vector<fs::path>> find(const fs::path& source, Endings endings) {
  std::error_code ignored;
  if (fs::is_directory(source, ignored))
    return entries_of(source, [&](const fs::directory_entry& entry) { return ends_so(entry.path(), endings) && is_file(entry); });
  if (!fs::exists(source, ignored) && is_pattern(source.string())) return matches_of(source);
  if (!fs::exists(source, ignored)) return input_error("no such file or folder").in(source.string());
  if (ends_so(source, endings)) return std::vector<fs::path>{source};
  return lines_of(source, endings);
}

}  // namespace

bool ends_so(const fs::path& path, Endings endings) { return std::find(endings.begin(), endings.end(), ending_of(path)) != endings.end(); }

Result<std::vector<fs::path>> list_files(const std::string& source, Endings endings, const fs::path& base) {
  const fs::path path = base / source;
  HT_ASSIGN(std::vector<fs::path> found, find(path, endings));
  if (found.empty()) return input_error("no files found; wanted are {}", text_of(endings)).in(path.string());
  std::sort(found.begin(), found.end(), [](const fs::path& a, const fs::path& b) { return a.native() < b.native(); });
  return found;
}

}  // namespace ht
