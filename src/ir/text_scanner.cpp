// SPDX-License-Identifier: Apache-2.0
#include "ir/text_scanner.h"

#include <algorithm>

#include "ir/text_names.h"

namespace ht::text {

Result<std::vector<uint8_t>> parse_hex(std::string_view digits) {
  auto digit = [](char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; };
  if (digits.size() % 2 != 0) return input_error("an odd number of hexadecimal digits");
  std::vector<uint8_t> bytes;
  bytes.reserve(digits.size() / 2);
  for (size_t i = 0; i < digits.size(); i += 2) {
    const int high = digit(digits[i]), low = digit(digits[i + 1]);
    if (high < 0 || low < 0) return input_error("'{}' is not a pair of lower-case hexadecimal digits", digits.substr(i, 2));
    bytes.push_back(static_cast<uint8_t>(high * 16 + low));
  }
  return bytes;
}

Result<std::string> Scanner::quoted() {
  HT_TRY(expect("\""));
  std::string bytes;
  while (!rest_.empty() && rest_.front() != '"') {
    if (rest_.front() != '\\') {
      bytes += rest_.front();
      rest_.remove_prefix(1);
      continue;
    }
    rest_.remove_prefix(1);
    if (rest_.starts_with('x')) {
      HT_ASSIGN(const std::vector<uint8_t> byte, parse_hex(rest_.substr(1, 2)));
      if (byte.size() != 1) return input_error("\\x needs two digits");
      bytes += static_cast<char>(byte[0]);
      rest_.remove_prefix(3);
    } else if (rest_.starts_with('"') || rest_.starts_with('\\')) {
      bytes += rest_.front();
      rest_.remove_prefix(1);
    } else {
      return input_error("a backslash stands before \", \\ or x only");
    }
  }
  if (rest_.empty()) return input_error("a quoted text does not end");
  rest_.remove_prefix(1);
  return bytes;
}

void Scanner::skip_space() {
  while (!rest_.empty()) {
    const char c = rest_.front();
    if (c == '#')
      rest_.remove_prefix(std::min(rest_.find('\n'), rest_.size()));
    else if (c == ' ' || c == '\n' || c == '\t' || c == '\r')
      rest_.remove_prefix(1);
    else
      return;
  }
}

bool Scanner::at_end() {
  skip_space();
  return rest_.empty();
}

char Scanner::peek() {
  skip_space();
  return rest_.empty() ? '\0' : rest_.front();
}

bool Scanner::starts_with(std::string_view token) {
  skip_space();
  return rest_.starts_with(token);
}

bool Scanner::accept(std::string_view token) {
  if (!starts_with(token)) return false;
  rest_.remove_prefix(token.size());
  return true;
}

Status Scanner::expect(std::string_view token) {
  if (accept(token)) return {};
  return expected(fmt::format("'{}'", token));
}

std::string_view Scanner::word() {
  skip_space();
  const auto end = std::ranges::find_if_not(rest_, is_plain);
  const std::string_view found = rest_.substr(0, static_cast<size_t>(end - rest_.begin()));
  rest_.remove_prefix(found.size());
  return found;
}

size_t Scanner::line() const {
  const std::string_view before = text_.substr(0, text_.size() - rest_.size());
  return 1 + static_cast<size_t>(std::ranges::count(before, '\n'));
}

Error Scanner::expected(std::string_view what) const {
  const std::string_view found = rest_.substr(0, std::min(rest_.find('\n'), size_t{24}));
  return input_error("expected {} before '{}'", what, found);
}

}  // namespace ht::text
