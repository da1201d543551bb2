// SPDX-License-Identifier: Apache-2.0
// Streaming reader of lists of flat JSON objects: one object is in memory at a time, and only what was asked for.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"

namespace ht {

// The scalars and number lists of one object; objects and longer lists inside are passed over.
class JsonRecord {
 public:
  static constexpr size_t kMaxNumbers = 4;
  struct Numbers {
    std::array<double, kMaxNumbers> values = {};
    size_t count = 0;  // counts on beyond kMaxNumbers
    bool pure = true;  // holds nothing but numbers
  };
  using Value = std::variant<int64_t, double, std::string, Numbers>;

  // Each fails where the key is missing or its value has another type, naming the key.
  Result<int64_t> integer(std::string_view key) const;  // true and false count as 1 and 0
  Result<double> number(std::string_view key) const;
  Result<std::string> text(std::string_view key) const;
  Result<std::array<double, 4>> box(std::string_view key) const;
  bool has(std::string_view key) const { return find(key) != nullptr; }

  void clear() { values_.clear(); }
  void set(std::string key, Value value);

 private:
  const Value* find(std::string_view key) const;
  std::vector<std::pair<std::string, Value>> values_;
};

// Calls `visit` with every object of the document's list, or of the lists under the keys `lists` of its top-level object (an
// empty `lists` means the first), in the order of the document; stops at the first failure. An error where a list is missing.
// Errors carry the entry, such as "annotations[12]", as their place.
using RecordVisitor = std::function<Status(size_t list, const JsonRecord& record)>;
Status read_records(std::string_view json, std::span<const std::string_view> lists, std::span<const std::string_view> keys,
                    const RecordVisitor& visit);

}  // namespace ht
