// SPDX-License-Identifier: Apache-2.0
#include "api/dump.h"

#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

#include "api/content.h"
#include "base/file.h"
#include "base/new_folder.h"
#include "base/temporary_folder.h"
#include "image/list.h"

namespace ht {
namespace {

namespace fs = std::filesystem;

using Json = nlohmann::ordered_json;

constexpr int kVersion = 1;
constexpr std::string_view kNpy = ".npy";
constexpr size_t kLongestName = 120;
constexpr int64_t kMaxManifestBytes = int64_t{256} << 20;

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return text;
}

bool is_safe(char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '.' || c == '-' || c == '_'; }

std::string safe(const std::string& name) {
  std::string result = name.substr(0, kLongestName);
  for (char& c : result)
    if (!is_safe(c)) c = '_';
  if (result.empty() || result[0] == '.') result.insert(0, "_");
  return result;
}

bool is_plain_name(const std::string& file) { return std::ranges::all_of(file, is_safe) && !file.starts_with('.') && file.ends_with(kNpy); }

std::string text_of(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

Result<Json> read_manifest(const fs::path& folder) {
  HT_ASSIGN(const std::vector<uint8_t> bytes, read_file(folder / kDumpManifest, kMaxManifestBytes));
  Json manifest = Json::parse(bytes, nullptr, false);
  const auto damaged = [&] { return input_error("is no list of values that `run --dump-values` wrote").in((folder / kDumpManifest).string()); };
  if (!manifest.is_object() || !manifest.contains("values") || !manifest["values"].is_array()) return damaged();
  for (const Json& value : manifest["values"])
    if (!value.is_object() || !is_plain_name(text_of(value, "file"))) return damaged();
  return manifest;
}

// Whether the folder holds nothing but values that were dumped before.
bool is_own(const fs::path& folder) {
  const auto manifest = read_manifest(folder);
  if (!manifest) return false;
  std::set<std::string> known = {kDumpManifest};
  for (const Json& value : (*manifest)["values"]) {
    known.insert(text_of(value, "file"));
    if (value.contains("integers") && value["integers"].is_object()) known.insert(text_of(value["integers"], "file"));
  }
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error))
    if (!known.contains(entry->path().filename().string())) return false;
  return !error;
}

class DumpWriter {
 public:
  DumpWriter(fs::path folder, const halftone::Session::Content& session) : folder_(std::move(folder)), session_(session) {
    const Graph& graph = session.model->graph;
    manifest_["version"] = kVersion;
    manifest_["inputs"] = Json::array();
    for (ValueId input : graph.inputs) manifest_["inputs"].push_back(graph.value(input).name);
    manifest_["outputs"] = Json::array();
    for (ValueId output : graph.outputs) manifest_["outputs"].push_back(graph.value(output).name);
    manifest_["values"] = Json::array();
  }

  void add(const halftone::TracedValue& value) {
    if (status_ && session_.is_cancelled()) status_ = interrupted();
    if (!status_) return;
    Json entry{{"name", value.real.name}, {"layer", value.layer}, {"op", value.op}, {"type", value.type}, {"shape", value.real.shape}};
    entry["file"] = write(value.real, value.real.name);
    if (value.integers) {
      Json integers{{"file", write(*value.integers, value.real.name + ".integers")}, {"scales", value.scales}, {"zero_points", value.zero_points}};
      if (value.axis) integers["axis"] = *value.axis;
      entry["integers"] = std::move(integers);
    }
    manifest_["values"].push_back(std::move(entry));
  }

  Status finish() {
    HT_TRY(status_);
    return write_file(folder_ / kDumpManifest, manifest_.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
  }

 private:
  std::string write(const halftone::Tensor& tensor, const std::string& name) {
    const std::string file = names_.make(name) + std::string(kNpy);
    if (status_) status_ = halftone::write_npy(folder_ / file, tensor);
    return file;
  }

  fs::path folder_;
  const halftone::Session::Content& session_;
  FileNames names_;
  Json manifest_;
  Status status_;
};

}  // namespace

std::string FileNames::make(const std::string& name) {
  const std::string wish = safe(name);
  std::string unique = wish;
  // To count on from where the same wish ended before keeps many of them from taking quadratic time.
  for (int& count = counts_[lower(wish)]; !taken_.insert(lower(unique)).second;) unique = fmt::format("{}-{}", wish, ++count + 1);
  return unique;
}

Result<std::vector<DumpedValue>> list_dump(const fs::path& folder) {
  std::vector<DumpedValue> values;
  std::error_code ignored;
  if (fs::exists(folder / kDumpManifest, ignored)) {
    HT_ASSIGN(const Json manifest, read_manifest(folder));
    for (const Json& value : manifest["values"])
      values.push_back({text_of(value, "name"), text_of(value, "layer"), text_of(value, "op"), text_of(value, "type"), folder / text_of(value, "file")});
    return values;
  }
  static constexpr std::array<std::string_view, 1> kEndings = {".npy"};
  HT_ASSIGN(const auto files, list_files(folder.string(), kEndings));
  for (const fs::path& file : files) values.push_back({file.stem().string(), "", "", "", file});
  return values;
}

}  // namespace ht

namespace halftone {

Status Session::dump(std::span<const Tensor> inputs, const std::filesystem::path& folder) {
  HT_ASSIGN(ht::NewFolder place, ht::NewFolder::make(folder, ht::is_own));
  ht::DumpWriter writer(place.place(), *content_);
  HT_TRY(trace(inputs, [&](const TracedValue& value) { writer.add(value); }));
  HT_TRY(writer.finish());
  return place.commit();
}

Status write_arrays(const std::filesystem::path& folder, std::span<const Tensor> tensors) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return ht::input_error("cannot make the folder: {}", error.message()).in(folder.string());
  // All of them have been written before the first appears.
  HT_ASSIGN(const ht::TemporaryFolder place, ht::TemporaryFolder::make_in(folder));
  ht::FileNames names;
  std::vector<std::string> files;
  for (const Tensor& tensor : tensors) {
    files.push_back(names.make(tensor.name) + std::string(ht::kNpy));
    HT_TRY(write_npy(place.path() / files.back(), tensor));
  }
  for (const std::string& file : files) {
    std::filesystem::rename(place.path() / file, folder / file, error);
    if (error) return ht::input_error("cannot rename the finished file: {}", error.message()).in((folder / file).string());
  }
  return {};
}

}  // namespace halftone
