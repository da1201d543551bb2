// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace halftone {

// The values are the program's exit codes (docs/INTERFACE.md).
enum class ErrorCode {
  kDemandNotMet = 1,  // the work is done, but the result is not what was demanded
  kUsage = 2,         // the caller asked for something that makes no sense
  kInput = 3,         // bad input or a file that cannot be read or written
  kUnsupported = 4,   // valid input that Halftone does not support
  kInterrupted = 130,
};

struct Error {
  ErrorCode code = ErrorCode::kInput;
  std::string message;  // a sentence that says what is wrong and what to do
  std::string place;    // file, node, attribute or line; may be empty

  // "place: message", or the message alone.
  std::string text() const { return place.empty() ? message : place + ": " + message; }
  // The same error seen from further out: "outer: place".
  Error in(const std::string& outer) && {
    place = place.empty() ? outer : outer + ": " + place;
    return std::move(*this);
  }
};

// The value of an operation that is expected to fail at times, or why it failed.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::move(value)) {}
  Result(Error error) : state_(std::move(error)) {}

  explicit operator bool() const { return state_.index() == 0; }
  T& operator*() & { return std::get<0>(state_); }
  const T& operator*() const& { return std::get<0>(state_); }
  T&& operator*() && { return std::get<0>(std::move(state_)); }
  T* operator->() { return &std::get<0>(state_); }
  const T* operator->() const { return &std::get<0>(state_); }
  Error& error() { return std::get<1>(state_); }
  const Error& error() const { return std::get<1>(state_); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}

  explicit operator bool() const { return !error_; }
  Error& error() { return *error_; }
  const Error& error() const { return *error_; }

 private:
  std::optional<Error> error_;
};

using Status = Result<void>;

}  // namespace halftone
