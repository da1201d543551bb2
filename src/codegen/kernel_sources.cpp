// SPDX-License-Identifier: Apache-2.0
#include "codegen/kernel_sources.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "codegen/kernel_files.h"
#include "codegen/template_files.h"

namespace ht {
namespace {

const EmbeddedFile* find_file(std::string_view path) {
  const auto found = std::ranges::find(kKernelFiles, path, &EmbeddedFile::path);
  return found == std::end(kKernelFiles) ? nullptr : &*found;
}

// Headers declare what sources define.
bool tells(const EmbeddedFile& file, std::string_view ending, const std::string& function) {
  return file.path.ends_with(ending) && file.text.find(fmt::format("void HT_FN({})(const ", function)) != std::string_view::npos;
}

// Kernels are called by the bundle; any other source is there for what includes its header.
bool is_helper(const EmbeddedFile& source) { return source.text.find("const ht_arguments* ") == std::string_view::npos; }

class Closure {
 public:
  void add(const EmbeddedFile& file) {
    if (!found_.emplace(file.path, file).second) return;
    constexpr std::string_view kInclude = "#include \"";
    for (size_t at = file.text.find(kInclude); at != std::string_view::npos; at = file.text.find(kInclude, at + 1)) {
      const std::string_view rest = file.text.substr(at + kInclude.size());
      add_header(file.path.substr(0, file.path.rfind('/') + 1), rest.substr(0, rest.find('"')));
    }
  }
  std::vector<EmbeddedFile> files() const {
    std::vector<EmbeddedFile> result;
    for (const auto& [path, file] : found_) result.push_back(file);
    return result;
  }

 private:
  // Headers are named from where the file lies or from src.
  void add_header(std::string_view folder, std::string_view name) {
    std::string path = fmt::format("{}{}", folder, name);
    if (!find_file(path)) path = name;
    const EmbeddedFile* header = find_file(path);
    if (!header) return;
    add(*header);
    const EmbeddedFile* source = find_file(path.substr(0, path.size() - 1) + "c");
    if (source && is_helper(*source)) add(*source);
  }

  std::map<std::string_view, EmbeddedFile> found_;
};

}  // namespace

std::vector<EmbeddedFile> kernel_sources(const std::set<std::string>& functions, const std::set<std::string>& files) {
  Closure closure;
  for (const std::string& function : functions)
    for (const EmbeddedFile& file : kKernelFiles)
      if (tells(file, ".c", function)) closure.add(file);
  for (const std::string& path : files)
    if (const EmbeddedFile* file = find_file(path)) closure.add(*file);
  return closure.files();
}

std::string declaring_header(const std::string& function) {
  const auto found = std::ranges::find_if(kKernelFiles, [&](const EmbeddedFile& file) { return tells(file, ".h", function); });
  return found == std::end(kKernelFiles) ? std::string() : std::string(found->path);
}

std::string_view template_text(std::string_view path) {
  const auto found = std::ranges::find(kTemplates, path, &EmbeddedFile::path);
  return found == std::end(kTemplates) ? std::string_view() : found->text;
}

}  // namespace ht
