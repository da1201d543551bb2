// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "base/result.h"

namespace ht {

// A folder for a while; it goes with all that it holds.
class TemporaryFolder {
 public:
  static Result<TemporaryFolder> make();  // among the system's temporary files
  static Result<TemporaryFolder> make_in(const std::filesystem::path& parent);
  TemporaryFolder(TemporaryFolder&& other) noexcept;
  TemporaryFolder& operator=(TemporaryFolder&&) = delete;
  ~TemporaryFolder();

  const std::filesystem::path& path() const { return path_; }

 private:
  explicit TemporaryFolder(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

}  // namespace ht
