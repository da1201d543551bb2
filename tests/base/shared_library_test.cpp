// SPDX-License-Identifier: Apache-2.0
#include "base/shared_library.h"

#include <gtest/gtest.h>

#include <string>

namespace ht {
namespace {

constexpr const char* kRemedy = "the mathematics of C";

TEST(SharedLibrary, GivesFunctionsByName) {
  const auto library = SharedLibrary::load("libm.so.6", kRemedy);
  ASSERT_TRUE(library) << library.error().text();
  double (*function)(double) = nullptr;
  ASSERT_TRUE(library->bind(function, "sqrt"));
  EXPECT_EQ(function(9), 3);
}

TEST(SharedLibrary, SaysWhatToInstallWhereItIsMissing) {
  const auto library = SharedLibrary::load("libmissing.so.1", kRemedy);
  ASSERT_FALSE(library);
  EXPECT_EQ(library.error().code, ErrorCode::kInput);
  EXPECT_TRUE(library.error().message.starts_with("cannot load libmissing.so.1; install the mathematics of C ("))
      << library.error().text();
}

TEST(SharedLibrary, SaysWhatAnotherVersionLacks) {
  const auto library = SharedLibrary::load("libm.so.6", kRemedy);
  ASSERT_TRUE(library);
  double (*function)(double) = nullptr;
  const Status bound = library->bind(function, "square_the_circle");
  ASSERT_FALSE(bound);
  EXPECT_EQ(bound.error().message, "libm.so.6 is of another version and lacks square_the_circle; install the mathematics of C");
  EXPECT_EQ(function, nullptr);
}

}  // namespace
}  // namespace ht
