// SPDX-License-Identifier: Apache-2.0
#include "codegen/c_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

namespace ht {
namespace {

constexpr size_t kLineWidth = 120;

// Of C99, C++ and their GNU dialects, and of what the headers that bundles include define.
constexpr std::array kReserved = {
    "alignas",   "alignof",  "and",       "and_eq",   "asm",          "auto",     "bitand",   "bitor",    "bool",         "break",      "case",
    "catch",     "char",     "class",     "co_await", "co_return",    "co_yield", "compl",    "concept",  "const",        "const_cast", "consteval",
    "constexpr", "constinit", "continue", "decltype", "default",      "delete",   "do",       "double",   "dynamic_cast", "else",       "enum",
    "explicit",  "export",   "extern",    "false",    "float",        "for",      "friend",   "goto",     "if",           "inline",     "int",
    "int16_t",   "int32_t",  "int64_t",   "int8_t",   "linux",        "long",     "mutable",  "namespace", "new",         "noexcept",   "not",
    "not_eq",    "nullptr",  "operator",  "or",       "or_eq",        "private",  "protected", "public",  "register",     "reinterpret_cast",
    "requires",  "restrict", "return",    "short",    "signed",       "sizeof",   "static",   "static_assert", "static_cast", "struct",  "switch",
    "template",  "this",     "thread_local", "throw", "true",         "try",      "typedef",  "typeid",   "typename",     "uint16_t",   "uint32_t",
    "uint64_t",  "uint8_t",  "union",     "unix",     "unsigned",     "using",    "virtual",  "void",     "volatile",     "wchar_t",    "while",
    "xor",       "xor_eq",   "inputs",    "outputs",  "typeof",       "typeof_unqual", "char8_t", "char16_t", "char32_t", "NULL",     "EOF",
    "BUFSIZ",    "stdin",    "stdout",    "stderr"};

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

// INT8_MAX, UINT32_C, SIZE_MAX, FLT_MIN and the like.
bool is_limit(std::string_view name) {
  const bool ends = name.ends_with("_MAX") || name.ends_with("_MIN") || name.ends_with("_C");
  return ends && std::ranges::none_of(name, [](char c) { return c >= 'a' && c <= 'z'; });
}

template <class T>
std::string array_of(std::span<const uint8_t> bytes) {
  std::string text, line;
  for (size_t at = 0; at + sizeof(T) <= bytes.size(); at += sizeof(T)) {
    T value;
    std::memcpy(&value, bytes.data() + at, sizeof value);
    const std::string literal = c_literal(value);
    if (line.size() + literal.size() + 2 > kLineWidth) {
      text += line + "\n";
      line.clear();
    }
    line += (line.empty() ? "    " : " ") + literal + ",";
  }
  return "{\n" + text + line + "\n}";
}

}  // namespace

std::string c_literal(int8_t value) { return std::to_string(value); }
std::string c_literal(uint8_t value) { return std::to_string(value); }
std::string c_literal(int16_t value) { return std::to_string(value); }
std::string c_literal(uint16_t value) { return std::to_string(value); }
// The least integers have no literal of their own.
std::string c_literal(int32_t value) { return value == INT32_MIN ? "(-2147483647 - 1)" : std::to_string(value); }
std::string c_literal(uint32_t value) { return fmt::format("{}u", value); }
std::string c_literal(int64_t value) { return value == INT64_MIN ? "(-9223372036854775807LL - 1)" : fmt::format("{}LL", value); }
std::string c_literal(uint64_t value) { return fmt::format("{}uLL", value); }

// Nine digits name every float, and decimal ones are read by any C or C++.
std::string c_literal(float value) {
  if (std::isnan(value)) return "__builtin_nanf(\"\")";
  if (std::isinf(value)) return value < 0 ? "-__builtin_inff()" : "__builtin_inff()";
  std::string text = fmt::format("{:.9g}", value);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text + "f";
}

std::string c_string(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    const bool plain = c >= ' ' && c <= '~' && c != '"' && c != '\\' && c != '?' && c != '@';
    result += plain ? std::string(1, c) : fmt::format("\\{:03o}", static_cast<unsigned char>(c));
  }
  return result + "\"";
}

#define HT_C_TYPE(type) const CType CTypeOf<type>::kType = {#type, sizeof(type), array_of<type>};
HT_C_TYPES(HT_C_TYPE)
#undef HT_C_TYPE

const CType* c_type(DType dtype) {
  switch (dtype) {
    case DType::kFloat32:
      return &CTypeOf<float>::kType;
    case DType::kInt8:
      return &CTypeOf<int8_t>::kType;
    case DType::kUint8:
    case DType::kBool:
      return &CTypeOf<uint8_t>::kType;
    case DType::kInt16:
      return &CTypeOf<int16_t>::kType;
    case DType::kUint16:
      return &CTypeOf<uint16_t>::kType;
    case DType::kInt32:
      return &CTypeOf<int32_t>::kType;
    case DType::kInt64:
      return &CTypeOf<int64_t>::kType;
    case DType::kFloat16:
    case DType::kFloat64:
    case DType::kInt4:
    case DType::kUint4:
      break;
  }
  return nullptr;
}

const CType& c_type_of_bytes(int32_t bytes) {
  if (bytes == 8) return CTypeOf<uint64_t>::kType;
  if (bytes == 4) return CTypeOf<uint32_t>::kType;
  return bytes == 2 ? CTypeOf<uint16_t>::kType : CTypeOf<uint8_t>::kType;
}

std::string c_identifier(std::string_view name) {
  constexpr size_t kLongest = 60;
  std::string result;
  for (char c : name.substr(0, kLongest)) {
    const bool is_good = is_letter(c) || is_digit(c);
    if (is_good || (!result.empty() && result.back() != '_')) result += is_good ? c : '_';
  }
  while (!result.empty() && result.back() == '_') result.pop_back();
  if (result.empty() || is_digit(result[0])) result = "n" + result;
  if (std::ranges::find(kReserved, result) != kReserved.end() || is_limit(result)) result += "_";
  return result;
}

std::string upper_case(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
  return result;
}

std::string Identifiers::make(std::string_view wish) {
  const std::string name = c_identifier(wish);
  std::string unique = name;
  for (int count = 2; !taken_.insert(upper_case(unique)).second; ++count) unique = fmt::format("{}_{}", name, count);
  return unique;
}

std::string comment_text(std::string_view text) {
  constexpr size_t kLongest = 160;
  constexpr std::string_view kPlain = " _./:;,-+()[]{}=#%!'";
  std::string result(text.substr(0, kLongest));
  for (char& c : result)
    if (!is_letter(c) && !is_digit(c) && kPlain.find(c) == std::string_view::npos) c = '_';
  return result;
}

std::string filled(std::string_view text, std::span<const std::pair<std::string_view, std::string>> values) {
  std::string result(text);
  for (const auto& [key, value] : values) {
    const std::string mark = fmt::format("@{}@", key);
    for (size_t at = result.find(mark); at != std::string::npos; at = result.find(mark, at + value.size())) result.replace(at, mark.size(), value);
  }
  return result;
}

}  // namespace ht
