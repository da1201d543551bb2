// SPDX-License-Identifier: Apache-2.0
// What the two directions of the text form share.
#pragma once

#include <span>
#include <string_view>

#include "ir/op.h"

namespace ht::text {

// Constants with at most so many elements are written as numbers.
inline constexpr int64_t kFewElements = 16;

inline std::span<const std::string_view> names_of(UnaryKind) { return kUnaryNames; }
inline std::span<const std::string_view> names_of(BinaryKind) { return kBinaryNames; }
inline std::span<const std::string_view> names_of(PadMode) { return kPadModeNames; }
inline std::span<const std::string_view> names_of(PoolKind) { return kPoolNames; }
inline std::span<const std::string_view> names_of(ResizeMode) { return kResizeModeNames; }
inline std::span<const std::string_view> names_of(Coordinates) { return kCoordinatesNames; }
inline std::span<const std::string_view> names_of(NearestMode) { return kNearestModeNames; }
inline std::span<const std::string_view> names_of(ReduceKind) { return kReduceNames; }
inline std::span<const std::string_view> names_of(ScatterReduction) { return kScatterReductionNames; }
inline std::span<const std::string_view> names_of(CumulativeKind) { return kCumulativeNames; }
inline std::span<const std::string_view> names_of(GridPadding) { return kGridPaddingNames; }

// An enumeration whose values have names.
template <class E>
concept Named = requires(E e) {
  names_of(e);
};

// Characters of a name that needs no quotes.
inline bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '/' ||
         c == '-';
}

}  // namespace ht::text
