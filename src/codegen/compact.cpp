// SPDX-License-Identifier: Apache-2.0
#include "codegen/compact.h"

#include <fmt/format.h>

#include <type_traits>

#include "codegen/fields.h"

namespace ht {
namespace {

template <class Params>
constexpr bool kCompact = std::is_same_v<Params, ht_conv_params> || std::is_same_v<Params, ht_depthwise_params>;

class Numbers {
 public:
  std::vector<uint8_t> bytes;
  bool is_all = true;  // there is nothing else in the struct

  template <class T>
  void number(const char*, const T& value) {
    const auto narrow = static_cast<int16_t>(value);
    is_all = is_all && std::is_integral_v<T> && narrow == value;
    const auto bits = static_cast<uint16_t>(narrow);
    if (bits < 255) bytes.push_back(static_cast<uint8_t>(bits));
    else bytes.insert(bytes.end(), {uint8_t{255}, static_cast<uint8_t>(bits & 255), static_cast<uint8_t>(bits >> 8)});
  }
  template <class T>
  void numbers(const char*, const T&) {
    is_all = false;
  }
  template <class T>
  void array(std::string_view name, const T* pointer, int64_t) {
    is_all = is_all && (!pointer || name == "padding");
  }
  void elements(const char*, const void*, int32_t, int64_t) { is_all = false; }
  void packed(const void* pointer) { is_all = is_all && pointer; }
  template <class S, class Inside>
  void group(const char*, const S&, Inside inside) {
    inside(*this);
  }
};

// The statements that fill the struct in, behind the numbers that it begins with.
class Filling {
 public:
  std::string text;
  int leading = 0;

  template <class T>
  void number(const char* name, const T&) {
    static_assert(sizeof(T) == 4);
    if (text.empty()) ++leading;
    else text += fmt::format("  p.{}{} = next_number(&n);\n", prefix_, name);
  }
  template <class T>
  void numbers(const char*, const T&) {}
  template <class T>
  void array(std::string_view name, const T*, int64_t) {
    text += fmt::format("  p.{}{} = {};\n", prefix_, name, name == "padding" ? "padding" : "NULL");
  }
  void elements(const char*, const void*, int32_t, int64_t) {}
  void packed(const void*) { text += "  p.packed = packed;\n"; }
  template <class S, class Inside>
  void group(const char* name, const S&, Inside inside) {
    const std::string outer = prefix_;
    prefix_ += fmt::format("{}.", name);
    inside(*this);
    prefix_ = outer;
  }

 private:
  std::string prefix_;
};

}  // namespace

std::optional<std::vector<uint8_t>> compact_numbers(const KernelParams& params) {
  return std::visit(
      [](const auto& p) -> std::optional<std::vector<uint8_t>> {
        if constexpr (kCompact<std::remove_cvref_t<decltype(p)>>) {
          Numbers visitor;
          fields(p, visitor);
          if (visitor.is_all) return visitor.bytes;
        }
        return std::nullopt;
      },
      params);
}

std::string compact_reader() {
  return R"(
/* Parameters are numbers of a byte or, behind 255, of two. */
static int16_t next_number(const uint8_t **n) {
  const uint8_t *at = *n;
  *n += *at < 255 ? 1 : 3;
  return *at < 255 ? *at : (int16_t)(uint16_t)(at[1] | (unsigned)at[2] << 8);
}

/* Those that a struct begins with, members of 32 bits all of them. */
static void read_numbers(const uint8_t **n, unsigned count, void *to) {
  unsigned char *bytes = (unsigned char *)to;
  for (; count > 0; --count) {
    const int32_t number = next_number(n);
    const unsigned char *from = (const unsigned char *)&number, *end = from + sizeof number;
    while (from != end) *bytes++ = *from++;
  }
}
)";
}

std::string compact_function_name(const BundleCall& call) { return "run_" + call.function; }

std::string compact_function(const BundleCall& call, const KernelParams& params) {
  Filling filling;
  const bool is_conv = std::holds_alternative<ht_conv_params>(params);
  const char *type = is_conv ? "ht_conv_params" : "ht_depthwise_params", *units = is_conv ? "ht_conv_units" : "ht_depthwise_units";
  std::visit(
      [&](const auto& p) {
        if constexpr (kCompact<std::remove_cvref_t<decltype(p)>>) fields(p, filling);
      },
      params);
  return fmt::format(R"(
/* A step of which this is all that the kernel reads. */
static void {}(const uint8_t *n, const uint32_t *packed, const int8_t *padding, const void *in, void *out, void *scratch) {{
  const ht_arguments a = {{{{in, NULL, NULL}}, out, scratch}};
  {} p;
  read_numbers(&n, {}, &p);
{}  HT_FN({})(&p, &a, 0, {}(&p));
}}
)",
                     compact_function_name(call), type, filling.leading, filling.text, call.function, units);
}

}  // namespace ht
