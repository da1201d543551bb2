// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace ht {

inline constexpr std::array<std::string_view, 4> kPhotoEndings = {".jpg", ".jpeg", ".png", ".webp"};
inline constexpr std::array<std::string_view, 2> kArrayEndings = {".npy", ".npz"};

// Whether the path ends so, in any case.
bool ends_so(const std::filesystem::path& path, std::span<const std::string_view> endings);

// The files that `source` names, relative to `base` unless it is absolute, sorted by the bytes of their paths:
// - a folder: its files that end so, in any case, without its subfolders;
// - a pattern with * or ? or [ in some of its parts: the regular files that match; a part matches no more than one folder;
// - a file that ends so: that one;
// - any other file: a list, one path a line, relative to the list's folder; empty lines and lines that start with # do not count.
// An error where nothing is found.
Result<std::vector<std::filesystem::path>> list_files(const std::string& source, std::span<const std::string_view> endings,
                                                      const std::filesystem::path& base = {});

}  // namespace ht
