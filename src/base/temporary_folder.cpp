// SPDX-License-Identifier: Apache-2.0
#include "base/temporary_folder.h"

#include <stdlib.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <system_error>
#include <utility>

namespace ht {

namespace fs = std::filesystem;

Result<TemporaryFolder> TemporaryFolder::make() {
  std::error_code error;
  const fs::path parent = fs::temp_directory_path(error);
  if (error) return input_error("there is no folder for temporary files: {}", error.message());
  return make_in(parent);
}

Result<TemporaryFolder> TemporaryFolder::make_in(const fs::path& parent) {
  std::string path = (parent / "halftone.XXXXXX").string();
  if (::mkdtemp(path.data()) == nullptr) return input_error("cannot make a temporary folder: {}", std::strerror(errno)).in(parent.string());
  return TemporaryFolder(path);
}

TemporaryFolder::TemporaryFolder(TemporaryFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  if (!path_.empty()) fs::remove_all(path_, ignored);
}

}  // namespace ht
