// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace ht {

// The whole file; an error where it is missing, not a regular file, or larger than max_bytes.
Result<std::vector<uint8_t>> read_file(const std::filesystem::path& path, int64_t max_bytes = int64_t{4} << 30);
// Bytes [offset, offset + length) of the file.
Result<std::vector<uint8_t>> read_file_range(const std::filesystem::path& path, int64_t offset, int64_t length);

// Writes to a temporary file in the same folder, syncs, renames: the file appears whole or not at all. A file that is replaced hands its
// permissions on; a link stays, and what it names is replaced.
Status write_file(const std::filesystem::path& path, std::span<const uint8_t> bytes);
Status write_file(const std::filesystem::path& path, std::string_view text);
// What write_file() would say, as far as that can be known before: for what takes long.
Status check_writable(const std::filesystem::path& path);

// The path's ending with its dot, in lower case, as ".jpg"; empty where it has none.
std::string ending_of(const std::filesystem::path& path);

// Lower-case hexadecimal SHA-256.
std::string sha256(std::span<const uint8_t> bytes);
std::string sha256(std::string_view text);

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;
  void update(std::span<const uint8_t> bytes);
  void update(std::string_view text);
  std::string hex();  // ends the computation

 private:
  struct State;
  State* state_;
};

}  // namespace ht
