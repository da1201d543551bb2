// SPDX-License-Identifier: Apache-2.0
// The words of the text form.
#pragma once

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace ht::text {

// Pairs of lower-case hexadecimal digits.
Result<std::vector<uint8_t>> parse_hex(std::string_view digits);

// Goes through a text; every function passes over white space and comments first.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text), rest_(text) {}

  bool at_end();
  char peek();  // the next character, 0 at the end
  bool starts_with(std::string_view token);
  bool accept(std::string_view token);  // passes over the token if it is the next one
  Status expect(std::string_view token);
  std::string_view word();  // the longest run of plain characters; may be empty
  Result<std::string> quoted();
  template <class T>
  Status number(T& x);
  size_t line() const;  // counted from 1

 private:
  void skip_space();
  Error expected(std::string_view what) const;

  std::string_view text_, rest_;
};

template <class T>
Status Scanner::number(T& x) {
  skip_space();
  const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), x);
  if (error != std::errc()) return expected("a number that fits");
  rest_.remove_prefix(static_cast<size_t>(end - rest_.data()));
  return {};
}

}  // namespace ht::text
