// SPDX-License-Identifier: Apache-2.0
// As much of CBOR (RFC 8949) as statistics need: integers, text, float32, arrays and maps of definite length.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace ht {

// Writes each item in its shortest form. An array or map is its size, then its items (keys and values in turn).
class CborWriter {
 public:
  void integer(int64_t value);
  void unsigned_integer(uint64_t value) { head(0, value); }
  void text(std::string_view value);
  void float32(float value);
  void array(size_t size) { head(4, size); }
  void map(size_t size) { head(5, size); }
  std::vector<uint8_t> take() { return std::move(bytes_); }

 private:
  void head(uint8_t major, uint64_t argument);
  std::vector<uint8_t> bytes_;
};

// Reads what the caller expects next, and says where something else stands. It never allocates more than the bytes account for.
class CborReader {
 public:
  explicit CborReader(std::span<const uint8_t> bytes) : bytes_(bytes) {}
  Result<int64_t> integer();
  Result<int64_t> count();  // an integer that is not negative
  Result<uint64_t> unsigned_integer();
  Result<std::string> text();
  Result<float> float32();
  Result<size_t> array();  // at most as many items as there are bytes left
  Result<size_t> map();
  Status array_of(size_t size);      // an array of exactly so many items
  Status key(std::string_view key);  // exactly this text
  Status end();
  Error fail(std::string_view what) const;

 private:
  Result<uint64_t> head(uint8_t major, std::string_view what);
  Result<uint64_t> big_endian(size_t size);

  std::span<const uint8_t> bytes_;
  size_t position_ = 0;
};

}  // namespace ht
