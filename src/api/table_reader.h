// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <toml++/toml.h>

#include "api/suggest.h"
#include "api/words.h"
#include "base/result.h"

namespace ht {

// Reads one table of a recipe into plain values, checking types alone. The first failure is kept; later calls then do nothing.
class TableReader {
 public:
  // `name` is what errors call the table ("[task]"), `place` what they call the file. Keys outside `known` are errors.
  TableReader(const toml::table& table, std::string name, std::string place, std::span<const std::string_view> known);

  const toml::node* find(std::string_view key) const { return error_ ? nullptr : table_.get(key); }

  // Each leaves its target alone where the key is missing.
  void read(std::string_view key, bool& target);
  void read(std::string_view key, int& target);
  void read(std::string_view key, int64_t& target);
  void read(std::string_view key, float& target);
  void read(std::string_view key, double& target);
  void read(std::string_view key, std::string& target);
  void read(std::string_view key, std::vector<int>& target) { read_list(key, target, "whole numbers"); }
  void read(std::string_view key, std::vector<int64_t>& target) { read_list(key, target, "whole numbers"); }
  void read(std::string_view key, std::vector<float>& target) { read_list(key, target, "numbers"); }
  void read(std::string_view key, std::vector<std::string>& target) { read_list(key, target, "texts in quotes"); }

  template <class Enum>
    requires std::is_enum_v<Enum>
  void read(std::string_view key, Enum& target) {
    static constexpr auto kWords = words_of(Enum{});
    if (const std::optional<size_t> index = word(key, kWords)) target = static_cast<Enum>(*index);
  }
  template <class Value>
  void read(std::string_view key, std::optional<Value>& target) {
    if (!find(key)) return;
    Value value{};
    read(key, value);
    target = value;
  }

  // The elements where the key holds a list that is not absurdly long.
  const toml::array* list(std::string_view key, std::string_view of_what);
  void need(std::string_view key, std::string_view example);
  void fail(const toml::node& node, Error error);
  Status status() const { return error_ ? Status(*error_) : Status(); }

 private:
  std::optional<size_t> word(std::string_view key, std::span<const std::string_view> words);
  bool convert(const toml::node& node, int& target) const;
  bool convert(const toml::node& node, int64_t& target) const;
  bool convert(const toml::node& node, float& target) const;
  bool convert(const toml::node& node, double& target) const;
  bool convert(const toml::node& node, std::string& target) const;
  template <class Value>
  void read_one(std::string_view key, Value& target, std::string_view what);
  template <class Value>
  void read_list(std::string_view key, std::vector<Value>& target, std::string_view of_what);

  const toml::table& table_;
  std::string name_;
  std::string place_;
  std::optional<Error> error_;
};

// "file:line", or "file" for a node that was not read from text.
std::string line_of(const toml::source_region& source, const std::string& place);

}  // namespace ht
