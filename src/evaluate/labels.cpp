// SPDX-License-Identifier: Apache-2.0
#include "evaluate/labels.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <system_error>
#include <unordered_map>

#include "base/file.h"

namespace ht {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMaxTableBytes = int64_t{256} << 20;

using ClassIndex = std::unordered_map<std::string_view, int>;

ClassIndex index_of(std::span<const std::string> classes) {
  ClassIndex index;
  for (size_t i = 0; i < classes.size(); ++i) index.emplace(classes[i], static_cast<int>(i));
  return index;
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r");
  return first == std::string_view::npos ? std::string_view() : text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

// The next field of a line; `rest` moves behind its comma, and `last` tells that there was none.
Result<std::string> next_field(std::string_view& rest, bool& last) {
  std::string field;
  const std::string_view start = trimmed(rest);
  size_t end;
  if (start.starts_with('"')) {
    rest = start;
    for (end = 1;; ++end) {
      if (end >= rest.size()) return input_error("a quoted field does not end in this line");
      if (rest[end] == '"' && (end + 1 >= rest.size() || rest[end + 1] != '"')) break;
      field += rest[end];
      if (rest[end] == '"') ++end;
    }
    ++end;
    if (!trimmed(rest.substr(end, rest.find(',', end) - end)).empty()) return input_error("text follows a quoted field");
    end = rest.find(',', end);
  } else {
    end = rest.find(',');
    field = trimmed(rest.substr(0, end));
  }
  last = end == std::string_view::npos;
  rest = last ? std::string_view() : rest.substr(end + 1);
  return field;
}

struct Line {
  std::string file;
  std::string label;
};

Result<Line> split(std::string_view text) {
  Line line;
  bool last = false;
  HT_ASSIGN(line.file, next_field(text, last));
  if (last) return input_error("expected file,label");
  HT_ASSIGN(line.label, next_field(text, last));
  if (!last) return input_error("expected file,label, found more than two fields; put a name with a comma in double quotes");
  if (line.file.empty()) return input_error("the name of the file is empty");
  return line;
}

Result<int> to_label(const std::string& text, const ClassIndex& classes, int class_count) {
  if (const auto found = classes.find(text); found != classes.end()) return found->second;
  int label = -1;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), label);
  if (failure != std::errc() || end != text.data() + text.size()) {
    return input_error("label \"{}\" is neither a class of the recipe nor an index", text);
  }
  if (label < 0 || label >= class_count) return input_error("label {} does not fit the model's {} classes", label, class_count);
  return label;
}

Status check_inside(const std::string& name) {
  const fs::path path(name);
  if (path.is_absolute() || std::find(path.begin(), path.end(), "..") != path.end()) {
    return input_error("\"{}\" must be a path inside the folder of the images", name);
  }
  return {};
}

Result<LabeledSample> to_sample(const Line& line, const ClassIndex& classes, int class_count) {
  LabeledSample sample;
  HT_TRY(check_inside(line.file));
  sample.name = line.file;
  HT_ASSIGN(sample.label, to_label(line.label, classes, class_count));
  return sample;
}

Result<std::vector<fs::path>> class_folders(const fs::path& folder) {
  std::error_code failure;
  std::vector<fs::path> folders;
  for (fs::directory_iterator entry(folder, failure), end; !failure && entry != end; entry.increment(failure)) {
    const std::string name = entry->path().filename().string();
    if (entry->is_directory(failure) && !name.starts_with('.')) folders.push_back(entry->path());
  }
  if (failure) return input_error("cannot be listed: {}", failure.message()).in(folder.string());
  if (folders.empty()) return input_error("holds no folders; give annotations, or a folder a class").in(folder.string());
  std::sort(folders.begin(), folders.end());
  return folders;
}

}  // namespace

Result<std::vector<LabeledSample>> parse_labels(std::string_view csv, std::span<const std::string> classes, int class_count) {
  const ClassIndex index = index_of(classes);
  std::vector<LabeledSample> samples;
  for (int64_t number = 1; !csv.empty(); ++number) {
    const size_t end = csv.find('\n');
    const std::string_view text = trimmed(csv.substr(0, end));
    csv = end == std::string_view::npos ? std::string_view() : csv.substr(end + 1);
    if (text.empty()) continue;
    auto line = split(text);
    if (line && number == 1 && line->label == "label") continue;
    auto sample = line ? to_sample(*line, index, class_count) : Result<LabeledSample>(std::move(line.error()));
    if (!sample) return std::move(sample.error()).in(fmt::format("line {}", number));
    samples.push_back(std::move(*sample));
  }
  if (samples.empty()) return input_error("names no samples; expected lines file,label");
  return samples;
}

Result<std::vector<LabeledSample>> read_labels(const fs::path& path, std::span<const std::string> classes, int class_count) {
  HT_ASSIGN(const auto bytes, read_file(path, kMaxTableBytes));
  auto samples = parse_labels({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, classes, class_count);
  if (!samples) return std::move(samples.error()).in(path.string());
  return samples;
}

Result<std::vector<LabeledSample>> labels_from_folders(const fs::path& folder, std::span<const std::string> classes,
                                                       int class_count, std::span<const std::string_view> endings) {
  HT_ASSIGN(const auto folders, class_folders(folder));
  if (classes.empty() && folders.size() != static_cast<size_t>(class_count)) {
    return input_error("has {} folders, the model {} classes; name the classes in the recipe", folders.size(), class_count)
        .in(folder.string());
  }
  const ClassIndex index = index_of(classes);
  std::vector<std::vector<LabeledSample>> by_class(std::max(folders.size(), classes.size()));
  for (size_t i = 0; i < folders.size(); ++i) {
    const std::string name = folders[i].filename().string();
    const auto found = index.find(name);
    if (!classes.empty() && found == index.end()) {
      return input_error("the folder \"{}\" is no class of the recipe", name).in(folder.string());
    }
    const int label = classes.empty() ? static_cast<int>(i) : found->second;
    if (label >= class_count) {
      return input_error("class \"{}\" is number {}, the model has {} classes", name, label, class_count).in(folder.string());
    }
    HT_ASSIGN(const auto files, list_files(folders[i].string(), endings));
    for (const fs::path& file : files) {
      by_class[static_cast<size_t>(label)].push_back({(fs::path(name) / file.filename()).string(), label});
    }
  }
  std::vector<LabeledSample> samples;
  for (auto& list : by_class) std::move(list.begin(), list.end(), std::back_inserter(samples));
  return samples;
}

}  // namespace ht
