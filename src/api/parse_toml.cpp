// SPDX-License-Identifier: Apache-2.0
#include "api/parse_toml.h"

#include <algorithm>

#include "api/table_reader.h"

namespace ht {
namespace {

// Walks over the text's marks as far as they tell how deep its tables lie: brackets, and dots in keys. In text that is no TOML it may
// lose its way, but not before the place where the parser stops.
class DepthScanner {
 public:
  explicit DepthScanner(std::string_view text) : text_(text) {}

  // The place of the first key of too many parts, or of the first bracket in too many others; the text's end where there is none.
  size_t find_too_deep() {
    while (at_ < text_.size() && step()) ++at_;
    return at_;
  }

 private:
  static constexpr int kMostParts = 64, kMostBrackets = 32;

  bool step() {
    const char c = text_[at_];
    const bool is_key = c == '.' || c == ' ' || c == '\t' || c == '_' || c == '-' || c == '"' || c == '\'' || static_cast<unsigned char>(c) >= 128 ||
                        (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    if (!is_key) dots_ = 0;
    if (c == '#') at_ = std::min(text_.find('\n', at_), text_.size()) - 1;
    if (c == '"' || c == '\'') skip_string(c);
    if (c == '.') ++dots_;
    if (c == '[' || c == '{') ++brackets_;
    if (c == ']' || c == '}') --brackets_;
    return dots_ < kMostParts && brackets_ <= kMostBrackets;
  }

  // To the last of its quotes.
  void skip_string(char quote) {
    const bool is_long = text_.substr(at_).starts_with(std::string(3, quote));
    const std::string end(is_long ? 3 : 1, quote);
    for (at_ += end.size(); at_ < text_.size() && !text_.substr(at_).starts_with(end); ++at_) {
      if (!is_long && text_[at_] == '\n') return;
      if (quote == '"' && text_[at_] == '\\') ++at_;
    }
    at_ += end.size() - 1;
    // A long string may end in up to two quotes of its own.
    for (int own = 0; is_long && own < 2 && text_.substr(std::min(at_ + 1, text_.size())).starts_with(quote); ++own) ++at_;
  }

  std::string_view text_;
  size_t at_ = 0;
  int dots_ = 0, brackets_ = 0;
};

}  // namespace

Result<toml::table> parse_toml(std::string_view text, const std::string& place) try {
  if (const size_t deep = DepthScanner(text).find_too_deep(); deep < text.size()) {
    const auto line = std::ranges::count(text.substr(0, deep), '\n') + 1;
    return input_error("nests tables deeper than a recipe needs").in(fmt::format("{}:{}", place, line));
  }
  return toml::parse(text, place);
} catch (const toml::parse_error& error) {
  return input_error("is not TOML: {}", error.description()).in(line_of(error.source(), place));
}

}  // namespace ht
