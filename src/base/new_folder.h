// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>

#include "base/result.h"

namespace ht {

// A folder that appears under its name whole or not at all: its files are written into one beside it, which is renamed in the end.
class NewFolder {
 public:
  // `path` must not be there, or be an empty folder, or one that may be replaced.
  static Result<NewFolder> make(const std::filesystem::path& path, const std::function<bool(const std::filesystem::path&)>& may_be_replaced);
  NewFolder(NewFolder&& other) noexcept;
  NewFolder& operator=(NewFolder&&) = delete;
  ~NewFolder();  // removes what was not committed

  const std::filesystem::path& place() const { return temporary_; }  // where its files are written
  Status commit();

 private:
  NewFolder(std::filesystem::path path, std::filesystem::path temporary);
  std::filesystem::path path_, temporary_;
};

}  // namespace ht
