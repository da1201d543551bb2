// SPDX-License-Identifier: Apache-2.0
// Pieces of C: literals that parse back to the same bits, identifiers, and comments, whatever the model's names are.
#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "ir/type.h"

namespace ht {

// Literals of C99 and of C++, each of the type of its argument.
std::string c_literal(int8_t value);
std::string c_literal(uint8_t value);
std::string c_literal(int16_t value);
std::string c_literal(uint16_t value);
std::string c_literal(int32_t value);
std::string c_literal(uint32_t value);
std::string c_literal(int64_t value);
std::string c_literal(uint64_t value);
std::string c_literal(float value);
// In quotes, whatever the bytes are; filled() finds no mark in it.
std::string c_string(std::string_view text);

// An element type of constant arrays.
struct CType {
  const char* name;  // "int8_t"
  size_t bytes;
  std::string (*elements)(std::span<const uint8_t> bytes);  // literals in lines between braces
};

#define HT_C_TYPES(X) X(int8_t) X(uint8_t) X(int16_t) X(uint16_t) X(int32_t) X(uint32_t) X(int64_t) X(uint64_t) X(float)

template <class T>
struct CTypeOf;
#define HT_C_TYPE(type)          \
  template <>                    \
  struct CTypeOf<type> {         \
    static const CType kType;    \
  };
HT_C_TYPES(HT_C_TYPE)
#undef HT_C_TYPE

// Null for types that kernels do not compute with.
const CType* c_type(DType dtype);
// The unsigned integer of 1, 2, 4 or 8 bytes.
const CType& c_type_of_bytes(int32_t bytes);

// Letters, digits and underscores that are no keyword of C or C++ and no macro of the headers that bundles include; what others a name has become underscores.
std::string c_identifier(std::string_view name);
std::string upper_case(std::string_view text);

// Identifiers that differ from each other in every case of letters.
class Identifiers {
 public:
  std::string make(std::string_view wish);

 private:
  std::set<std::string> taken_;
};

// The text with nothing in it that could end a comment, continue a line or break a table.
std::string comment_text(std::string_view text);

// The text with each @KEY@ replaced by its value.
std::string filled(std::string_view text, std::span<const std::pair<std::string_view, std::string>> values);

}  // namespace ht
