// SPDX-License-Identifier: Apache-2.0
#include "codegen/c_text.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace ht {
namespace {

TEST(CText, FloatsParseBackToTheSameBits) {
  std::mt19937 engine(5);
  for (int i = 0; i < 200000; ++i) {
    const float value = std::bit_cast<float>(static_cast<uint32_t>(engine()));
    if (!std::isfinite(value)) continue;
    const std::string text = c_literal(value);
    ASSERT_EQ(text.back(), 'f') << text;
    ASSERT_NE(text.find_first_of(".e"), std::string::npos) << text;
    ASSERT_EQ(std::bit_cast<uint32_t>(std::strtof(text.c_str(), nullptr)), std::bit_cast<uint32_t>(value)) << text;
  }
  EXPECT_EQ(c_literal(0.0f), "0.0f");
  EXPECT_EQ(c_literal(-0.0f), "-0.0f");
  EXPECT_EQ(c_literal(std::numeric_limits<float>::infinity()), "__builtin_inff()");
}

TEST(CText, LeastIntegersAreExpressions) {
  EXPECT_EQ(c_literal(std::numeric_limits<int32_t>::min()), "(-2147483647 - 1)");
  EXPECT_EQ(c_literal(std::numeric_limits<int64_t>::min()), "(-9223372036854775807LL - 1)");
  EXPECT_EQ(c_literal(int8_t{-128}), "-128");
}

TEST(CText, IdentifiersAreValidWhateverTheNames) {
  EXPECT_EQ(c_identifier("model/conv:0"), "model_conv_0");
  EXPECT_EQ(c_identifier("x:0"), "x_0");
  EXPECT_EQ(c_identifier("3d"), "n3d");
  EXPECT_EQ(c_identifier(""), "n");
  EXPECT_EQ(c_identifier("class"), "class_");
  EXPECT_EQ(c_identifier("\xc3\xa9t\xc3\xa9"), "t");
  EXPECT_LE(c_identifier(std::string(1000, 'a')).size(), 60u);
}

TEST(CText, IdentifiersAreNoWordsOfDialectsNorMacros) {
  for (const std::string name : {"typeof", "typeof_unqual", "char8_t", "char16_t", "char32_t", "NULL", "EOF", "stdin", "INT8_MAX", "UINT16_MAX", "INT_LEAST8_MIN", "INTPTR_MAX",
                                 "UINT64_C", "SIZE_MAX", "WCHAR_MIN", "FLT_MAX"})
    EXPECT_EQ(c_identifier(name), name + "_");
  for (const std::string name : {"int8_max", "X_max", "MAX", "INT8_MAXIMUM", "eof"}) EXPECT_EQ(c_identifier(name), name);
}

TEST(CText, StringsHoldNoMarkAndNoEscapeOfTheirOwn) {
  EXPECT_EQ(c_string("a b"), "\"a b\"");
  EXPECT_EQ(c_string("\"\\\n\?"), R"("\042\134\012\077")");
  const std::vector<std::pair<std::string_view, std::string>> values = {{"NAMES", c_string("@RUN@")}, {"RUN", "run();"}};
  EXPECT_EQ(filled("@NAMES@ @RUN@", values), R"("\100RUN\100" run();)");
}

TEST(CText, IdentifiersDifferWhateverTheCaseOfLetters) {
  Identifiers names;
  EXPECT_EQ(names.make("x"), "x");
  EXPECT_EQ(names.make("X"), "X_2");
  EXPECT_EQ(names.make("x"), "x_3");
}

TEST(CText, CommentsCannotEndNorContinue) {
  const std::string text = comment_text("a */ int x; /* b \\\n \?\?/ | <b>");
  EXPECT_EQ(text.find("*/"), std::string::npos);
  EXPECT_EQ(text.find_first_of("\\\n?|<>*"), std::string::npos);
}

TEST(CText, ArraysHoldTheirElements) {
  const int16_t values[] = {1, -2, 32767};
  const std::span<const uint8_t> bytes(reinterpret_cast<const uint8_t*>(values), sizeof values);
  EXPECT_EQ(CTypeOf<int16_t>::kType.elements(bytes), "{\n    1, -2, 32767,\n}");
}

}  // namespace
}  // namespace ht
