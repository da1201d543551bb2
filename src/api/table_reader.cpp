// SPDX-License-Identifier: Apache-2.0
#include "api/table_reader.h"

#include <algorithm>
#include <cmath>

namespace ht {
namespace {

constexpr size_t kMaxElements = 100000;

}  // namespace

std::string line_of(const toml::source_region& source, const std::string& place) {
  return source.begin.line > 0 ? fmt::format("{}:{}", place, source.begin.line) : place;
}

TableReader::TableReader(const toml::table& table, std::string name, std::string place, std::span<const std::string_view> known)
    : table_(table), name_(std::move(name)), place_(std::move(place)) {
  for (const auto& [key, node] : table) {
    const std::string_view word = key.str();
    if (std::find(known.begin(), known.end(), word) != known.end()) continue;
    error_ = input_error("unknown key '{}' in {}; did you mean '{}'? Known are {}", word, name_, nearest_word(word, known),
                         joined_words(known))
                 .in(line_of(key.source(), place_));
    return;
  }
}

void TableReader::fail(const toml::node& node, Error error) {
  if (!error_) error_ = std::move(error).in(line_of(node.source(), place_));
}

void TableReader::need(std::string_view key, std::string_view example) {
  if (error_ || table_.contains(key)) return;
  error_ = input_error("{} needs '{}', as in: {} = {}", name_, key, key, example).in(line_of(table_.source(), place_));
}

bool TableReader::convert(const toml::node& node, int64_t& target) const {
  const auto* value = node.as_integer();
  if (value) target = value->get();
  return value != nullptr;
}

bool TableReader::convert(const toml::node& node, int& target) const {
  int64_t wide = 0;
  if (!convert(node, wide) || wide < INT32_MIN || wide > INT32_MAX) return false;
  target = static_cast<int>(wide);
  return true;
}

bool TableReader::convert(const toml::node& node, double& target) const {
  const std::optional<double> value = node.is_number() ? node.value<double>() : std::nullopt;
  if (!value || !std::isfinite(*value)) return false;
  target = *value;
  return true;
}

bool TableReader::convert(const toml::node& node, float& target) const {
  double value = 0;
  if (!convert(node, value) || !std::isfinite(static_cast<float>(value))) return false;
  target = static_cast<float>(value);
  return true;
}

bool TableReader::convert(const toml::node& node, std::string& target) const {
  const auto* value = node.as_string();
  // The operating system would cut a path at a NUL.
  if (!value || value->get().empty() || value->get().find('\0') != std::string::npos) return false;
  target = value->get();
  return true;
}

template <class Value>
void TableReader::read_one(std::string_view key, Value& target, std::string_view what) {
  const toml::node* node = find(key);
  if (node && !convert(*node, target)) fail(*node, input_error("'{}' in {} must be {}", key, name_, what));
}

const toml::array* TableReader::list(std::string_view key, std::string_view of_what) {
  const toml::node* node = find(key);
  if (!node) return nullptr;
  const toml::array* array = node->as_array();
  if (array && array->size() <= kMaxElements) return array;
  fail(*node, input_error("'{}' in {} must be a list of {}", key, name_, of_what));
  return nullptr;
}

template <class Value>
void TableReader::read_list(std::string_view key, std::vector<Value>& target, std::string_view of_what) {
  const toml::array* array = list(key, of_what);
  if (!array) return;
  target.clear();
  for (const toml::node& element : *array) {
    Value value{};
    if (!convert(element, value)) return fail(element, input_error("'{}' in {} must be a list of {}", key, name_, of_what));
    target.push_back(std::move(value));
  }
}

template void TableReader::read_list(std::string_view, std::vector<int>&, std::string_view);
template void TableReader::read_list(std::string_view, std::vector<int64_t>&, std::string_view);
template void TableReader::read_list(std::string_view, std::vector<float>&, std::string_view);
template void TableReader::read_list(std::string_view, std::vector<std::string>&, std::string_view);

void TableReader::read(std::string_view key, int& target) { read_one(key, target, "a whole number that fits into 32 bits"); }
void TableReader::read(std::string_view key, int64_t& target) { read_one(key, target, "a whole number"); }
void TableReader::read(std::string_view key, float& target) { read_one(key, target, "a finite number"); }
void TableReader::read(std::string_view key, double& target) { read_one(key, target, "a finite number"); }
void TableReader::read(std::string_view key, std::string& target) { read_one(key, target, "a text in quotes that is not empty"); }

void TableReader::read(std::string_view key, bool& target) {
  const toml::node* node = find(key);
  if (!node) return;
  if (const auto* value = node->as_boolean()) {
    target = value->get();
  } else {
    fail(*node, input_error("'{}' in {} must be true or false", key, name_));
  }
}

std::optional<size_t> TableReader::word(std::string_view key, std::span<const std::string_view> words) {
  const toml::node* node = find(key);
  if (!node) return std::nullopt;
  const auto* text = node->as_string();
  if (!text) {
    fail(*node, input_error("'{}' in {} must be {}, in quotes", key, name_, joined_words(words)));
    return std::nullopt;
  }
  const auto found = std::find(words.begin(), words.end(), text->get());
  if (found != words.end()) return static_cast<size_t>(found - words.begin());
  fail(*node, input_error("'{}' in {} is '{}'; did you mean '{}'? It may be {}", key, name_, text->get(), nearest_word(text->get(), words),
                          joined_words(words)));
  return std::nullopt;
}

}  // namespace ht
