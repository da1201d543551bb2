// SPDX-License-Identifier: Apache-2.0
#include "evaluate/json_records.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include <fmt/format.h>

namespace ht {
namespace {

using Json = nlohmann::json;

// Deeper nesting than any data set has; it bounds the parser's own stack.
constexpr int kMaxDepth = 64;

class RecordReader : public nlohmann::json_sax<Json> {
 public:
  RecordReader(std::span<const std::string_view> lists, std::span<const std::string_view> keys, const RecordVisitor& visit)
      : lists_(lists), keys_(keys), visit_(visit), seen_(lists.size(), false), record_depth_(lists.empty() ? 2 : 3) {}

  bool null() override { return scalar(std::nullopt); }
  bool boolean(bool value) override { return scalar(JsonRecord::Value(int64_t{value})); }
  bool number_integer(int64_t value) override { return number(value); }
  bool number_unsigned(uint64_t value) override {
    return value <= INT64_MAX ? number(static_cast<int64_t>(value)) : number(static_cast<double>(value));
  }
  bool number_float(double value, const std::string&) override { return number(value); }
  bool string(std::string& value) override { return scalar(JsonRecord::Value(std::move(value))); }
  bool binary(Json::binary_t&) override { return fail(input_error("binary data where JSON text was expected")); }

  bool start_object(size_t) override {
    mark_impure();
    if (!enter()) return false;
    if (depth_ == 1 && lists_.empty()) return fail(input_error("expected a list of objects at the top, found an object"));
    if (depth_ == record_depth_ - 1 && list_ != kNone) return fail(input_error("expected a list of objects"));
    if (in_record()) record_.clear();
    return true;
  }
  bool key(std::string& name) override {
    if (depth_ == 1) {
      const auto found = std::find(lists_.begin(), lists_.end(), name);
      list_ = found == lists_.end() ? kNone : static_cast<size_t>(found - lists_.begin());
      entry_ = 0;
    } else if (in_record()) {
      key_ = std::find(keys_.begin(), keys_.end(), name) == keys_.end() ? std::string() : name;
    }
    return true;
  }
  bool end_object() override {
    if (in_record()) {
      if (auto status = visit_(list_, record_); !status) return fail(std::move(status.error()));
      ++entry_;
    }
    --depth_;
    return true;
  }
  bool start_array(size_t) override {
    mark_impure();
    if (!enter()) return false;
    if (depth_ == 1) {
      if (!lists_.empty()) return fail(input_error("expected an object with the lists {} at the top, found a list", listing()));
      list_ = 0;
    } else if (depth_ == record_depth_ - 1 && list_ != kNone) {
      if (seen_[list_]) return fail(input_error("the list stands twice in the file"));
      seen_[list_] = true;
    } else if (depth_ == record_depth_ && list_ != kNone) {
      return fail(input_error("expected an object, found a list"));
    } else if (depth_ == record_depth_ + 1 && wanted()) {
      numbers_.emplace();
    }
    return true;
  }
  bool end_array() override {
    if (depth_ == record_depth_ + 1 && numbers_) {
      record_.set(key_, *numbers_);
      numbers_.reset();
    }
    --depth_;
    return true;
  }
  bool parse_error(size_t position, const std::string&, const nlohmann::detail::exception&) override {
    return fail(input_error("not valid JSON at byte {}; is the file whole?", position));
  }

  Status finish() {
    if (error_) return std::move(*error_);
    for (size_t i = 0; i < lists_.size(); ++i) {
      if (!seen_[i]) return input_error("has no list '{}'; expected an object with the lists {}", lists_[i], listing());
    }
    return {};
  }

 private:
  static constexpr size_t kNone = SIZE_MAX;

  bool in_record() const { return depth_ == record_depth_ && list_ != kNone; }
  bool wanted() const { return list_ != kNone && !key_.empty(); }
  void mark_impure() {
    if (numbers_) numbers_->pure = false;
  }
  bool enter() {
    if (++depth_ > kMaxDepth) return fail(input_error("lists or objects nested more than {} deep", kMaxDepth));
    return true;
  }

  template <class Number>
  bool number(Number value) {
    if (!numbers_) return scalar(JsonRecord::Value(value));
    if (numbers_->count < JsonRecord::kMaxNumbers) numbers_->values[numbers_->count] = static_cast<double>(value);
    ++numbers_->count;
    return true;
  }
  bool scalar(std::optional<JsonRecord::Value> value) {
    mark_impure();
    if (depth_ == 0) return fail(input_error("expected lists of objects, found a single value"));
    if (depth_ == record_depth_ - 1 && list_ != kNone) return fail(input_error("expected an object, found a single value"));
    if (depth_ == 1 && list_ != kNone) return fail(input_error("expected a list of objects, found a single value"));
    if (in_record() && wanted() && value) record_.set(key_, std::move(*value));
    return true;
  }

  bool fail(Error error) {
    if (error_) return false;
    error_ = std::move(error);
    if (list_ != kNone && depth_ >= 1) {
      const bool inside = lists_.empty() || seen_[list_];
      std::string place = lists_.empty() ? "entry" : std::string(lists_[list_]);
      if (inside) place += fmt::format("[{}]", entry_);
      error_ = std::move(*error_).in(place);
    }
    return false;
  }
  std::string listing() const { return fmt::format("'{}'", fmt::join(lists_, "', '")); }

  std::span<const std::string_view> lists_;
  std::span<const std::string_view> keys_;
  const RecordVisitor& visit_;
  std::vector<bool> seen_;
  const int record_depth_;  // depth inside an object of a list
  int depth_ = 0;
  size_t list_ = kNone;
  size_t entry_ = 0;
  std::string key_;
  JsonRecord record_;
  std::optional<JsonRecord::Numbers> numbers_;
  std::optional<Error> error_;
};

}  // namespace

void JsonRecord::set(std::string key, Value value) {
  for (auto& [name, old] : values_) {
    if (name == key) {
      old = std::move(value);
      return;
    }
  }
  values_.emplace_back(std::move(key), std::move(value));
}

const JsonRecord::Value* JsonRecord::find(std::string_view key) const {
  for (const auto& [name, value] : values_) {
    if (name == key) return &value;
  }
  return nullptr;
}

Result<int64_t> JsonRecord::integer(std::string_view key) const {
  const Value* value = find(key);
  if (!value) return input_error("has no '{}'", key);
  if (const auto* whole = std::get_if<int64_t>(value)) return *whole;
  return input_error("'{}' must be an integer", key);
}

Result<double> JsonRecord::number(std::string_view key) const {
  const Value* value = find(key);
  if (!value) return input_error("has no '{}'", key);
  if (const auto* whole = std::get_if<int64_t>(value)) return static_cast<double>(*whole);
  if (const auto* real = std::get_if<double>(value)) return *real;
  return input_error("'{}' must be a number", key);
}

Result<std::string> JsonRecord::text(std::string_view key) const {
  const Value* value = find(key);
  if (!value) return input_error("has no '{}'", key);
  if (const auto* words = std::get_if<std::string>(value)) return *words;
  return input_error("'{}' must be a text", key);
}

Result<std::array<double, 4>> JsonRecord::box(std::string_view key) const {
  const Value* value = find(key);
  if (!value) return input_error("has no '{}'", key);
  const auto* numbers = std::get_if<Numbers>(value);
  if (!numbers || !numbers->pure || numbers->count != 4)
    return input_error("'{}' must be four numbers: x, y, width, height", key);
  return numbers->values;
}

Status read_records(std::string_view json, std::span<const std::string_view> lists, std::span<const std::string_view> keys,
                    const RecordVisitor& visit) {
  RecordReader reader(lists, keys, visit);
  try {
    Json::sax_parse(json.begin(), json.end(), &reader);
  } catch (const std::exception& error) {
    return input_error("cannot be read as JSON: {}", error.what());
  }
  return reader.finish();
}

}  // namespace ht
