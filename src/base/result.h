// SPDX-License-Identifier: Apache-2.0
// The public vocabulary of success and failure, under the names the library uses inside.
#pragma once

#include <fmt/core.h>

#include "halftone/context.h"
#include "halftone/result.h"

namespace ht {

using halftone::Context;
using halftone::Error;
using halftone::ErrorCode;
using halftone::Isa;
using halftone::Result;
using halftone::Status;

// What the functions below have in common, for arguments of any types.
Error make_error(ErrorCode code, fmt::string_view format, fmt::format_args args);

template <class... Args>
Error input_error(fmt::format_string<Args...> format, Args&&... args) {
  return make_error(ErrorCode::kInput, format, fmt::make_format_args(args...));
}

template <class... Args>
Error usage_error(fmt::format_string<Args...> format, Args&&... args) {
  return make_error(ErrorCode::kUsage, format, fmt::make_format_args(args...));
}

template <class... Args>
Error unsupported(fmt::format_string<Args...> format, Args&&... args) {
  return make_error(ErrorCode::kUnsupported, format, fmt::make_format_args(args...));
}

inline Error interrupted() { return {ErrorCode::kInterrupted, "interrupted", {}}; }

}  // namespace ht

// HT_TRY(status) passes a failure up; HT_ASSIGN(auto x, result) also takes the value.
#define HT_CONCAT_INNER(a, b) a##b
#define HT_CONCAT(a, b) HT_CONCAT_INNER(a, b)
#define HT_TRY(expression)                                                     \
  do {                                                                         \
    if (auto ht_status = (expression); !ht_status) return std::move(ht_status.error()); \
  } while (false)
#define HT_ASSIGN(declaration, expression) HT_ASSIGN_INNER(HT_CONCAT(ht_result_, __LINE__), declaration, expression)
#define HT_ASSIGN_INNER(name, declaration, expression) \
  auto name = (expression);                            \
  if (!name) return std::move(name.error());           \
  declaration = *std::move(name)
