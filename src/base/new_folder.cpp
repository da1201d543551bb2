// SPDX-License-Identifier: Apache-2.0
#include "base/new_folder.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>
#include <system_error>
#include <utility>

namespace ht {
namespace {

namespace fs = std::filesystem;

// The path without a separator behind it, which would hide its last name.
fs::path named(const fs::path& path) { return path.has_filename() ? path : path.parent_path(); }

fs::path beside(const fs::path& path) {
  const fs::path parent = path.has_parent_path() ? path.parent_path() : fs::path(".");
  return parent / ("." + path.filename().string() + ".XXXXXX");
}

Status check_free(const fs::path& path, const std::function<bool(const fs::path&)>& may_be_replaced) {
  std::error_code ignored;
  if (path.filename().empty() || path.filename() == "." || path.filename() == "..") return usage_error("name the new folder itself").in(path.string());
  if (!fs::exists(fs::symlink_status(path, ignored))) return {};
  if (!fs::is_directory(path, ignored)) return input_error("is there already and is no folder").in(path.string());
  if (fs::is_empty(path, ignored) || may_be_replaced(path)) return {};
  return input_error("the folder holds other files; name a new one, or empty it").in(path.string());
}

}  // namespace

NewFolder::NewFolder(fs::path path, fs::path temporary) : path_(std::move(path)), temporary_(std::move(temporary)) {}

NewFolder::NewFolder(NewFolder&& other) noexcept
    : path_(std::move(other.path_)), temporary_(std::exchange(other.temporary_, {})) {}

NewFolder::~NewFolder() {
  std::error_code ignored;
  if (!temporary_.empty()) fs::remove_all(temporary_, ignored);
}

Result<NewFolder> NewFolder::make(const fs::path& path, const std::function<bool(const fs::path&)>& may_be_replaced) {
  fs::path target = named(path);
  HT_TRY(check_free(target, may_be_replaced));
  std::error_code error;
  if (fs::exists(target, error)) target = fs::canonical(target, error);  // a link stays, and what it names is replaced
  if (error) return input_error("cannot find the folder: {}", error.message()).in(path.string());
  std::string temporary = beside(target).string();
  if (::mkdtemp(temporary.data()) == nullptr) return input_error("cannot make the folder: {}", std::strerror(errno)).in(target.string());
  return NewFolder(target, temporary);
}

Status NewFolder::commit() {
  const mode_t mask = ::umask(0);
  ::umask(mask);
  std::error_code error, ignored;
  fs::permissions(temporary_, static_cast<fs::perms>(0777 & ~mask), error);
  fs::path old;  // where what stands there goes meanwhile
  if (!error && fs::exists(path_, error) && !fs::is_empty(path_, error)) {
    std::string name = beside(path_).string();
    if (::mkdtemp(name.data()) == nullptr) return input_error("cannot replace the folder: {}", std::strerror(errno)).in(path_.string());
    old = name;
    fs::rename(path_, old, error);
    if (error) fs::remove(std::exchange(old, {}), ignored);
  }
  if (!error) fs::rename(temporary_, path_, error);
  if (error && !old.empty()) fs::rename(old, path_, ignored);
  if (error) return input_error("cannot name the finished folder: {}", error.message()).in(path_.string());
  temporary_.clear();
  if (!old.empty()) fs::remove_all(old, ignored);
  return {};
}

}  // namespace ht
