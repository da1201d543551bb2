// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace ht {

// The known word that takes the fewest insertions, deletions, replacements and swaps of neighbours to become `word`, the first
// of equals; empty where nothing is known.
std::string_view nearest_word(std::string_view word, std::span<const std::string_view> known);

// "a, b or c".
std::string joined_words(std::span<const std::string_view> words);

}  // namespace ht
