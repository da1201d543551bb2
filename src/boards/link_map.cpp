// SPDX-License-Identifier: Apache-2.0
#include "boards/link_map.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <system_error>

namespace ht {
namespace {

constexpr std::string_view kStart = "Linker script and memory map";
constexpr std::string_view kFill = "*fill*";
// What describes a program and is no part of it.
constexpr std::array<std::string_view, 4> kDescriptions = {".comment", ".debug", ".ARM.attributes", ".note"};

std::string_view next_line(std::string_view& text) {
  const size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

std::string_view next_word(std::string_view& line) {
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  const std::string_view word = line.substr(0, line.find(' '));
  line.remove_prefix(word.size());
  return word;
}

std::optional<int64_t> hexadecimal(std::string_view word) {
  if (!word.starts_with("0x")) return {};
  int64_t value = 0;
  const auto [end, error] = std::from_chars(word.data() + 2, word.data() + word.size(), value, 16);
  if (error != std::errc() || end != word.data() + word.size()) return {};
  return value;
}

// "ADDRESS BYTES FILE", the end of a row; a row of a symbol has no bytes.
struct Place {
  int64_t bytes;
  std::string_view file;
};

std::optional<Place> parse_place(std::string_view line) {
  if (!hexadecimal(next_word(line))) return {};
  const auto bytes = hexadecimal(next_word(line));
  if (!bytes) return {};
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  return Place{*bytes, line};
}

bool is_description(std::string_view section) {
  return std::ranges::any_of(kDescriptions, [&](std::string_view start) { return section.starts_with(start); });
}

}  // namespace

// Rows begin with the name of a section: those of the program at the margin, those of files behind one space. Behind a long name the
// rest stands in the next line. A section may have more bytes than its files: an end that is aligned.
Result<std::vector<MapEntry>> read_link_map(std::string_view text) {
  const size_t start = text.find(kStart);
  if (start == std::string_view::npos) return input_error("this is no map of GNU's linker: it lacks the line '{}'", kStart);
  text.remove_prefix(start + kStart.size());

  std::vector<MapEntry> entries;
  std::string_view section, input;
  int64_t unnamed = 0;  // bytes of the section that no row has named yet
  const auto add = [&](std::string_view name, std::string_view file, int64_t bytes) {
    if (bytes > 0 && !is_description(section)) entries.push_back({std::string(section), std::string(name), std::string(file), bytes});
  };
  while (!text.empty()) {
    std::string_view line = next_line(text);
    if (line.starts_with('.')) {
      add(kFill, {}, unnamed);
      section = next_word(line);
      const auto whole = parse_place(line);
      unnamed = whole ? whole->bytes : 0;
      input = {};
      continue;
    }
    if (line.starts_with(" .") || line.starts_with(" *fill*")) input = next_word(line);
    if (input.empty()) continue;
    if (const auto place = parse_place(line)) {
      add(input, input == kFill ? std::string_view() : place->file, place->bytes);
      unnamed -= place->bytes;
      input = {};
    } else if (line.find_first_not_of(' ') != std::string_view::npos) {
      input = {};
    }
  }
  add(kFill, {}, unnamed);
  return entries;
}

}  // namespace ht
