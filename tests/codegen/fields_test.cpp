// SPDX-License-Identifier: Apache-2.0
// Every member of every parameter struct is described, once and in its place.
#include "codegen/fields.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "plan/plan.h"

namespace ht {
namespace {

struct Anything {
  template <class T>
  operator T() const;
};
template <class T, size_t... I>
constexpr bool takes(std::index_sequence<I...>) {
  return requires { T{(static_cast<void>(I), Anything{})...}; };
}
// How many initializers an aggregate takes: one a member, and one an element of arrays.
template <class T, size_t N = 128>
constexpr size_t initializers() {
  if constexpr (takes<T>(std::make_index_sequence<N>())) return N;
  else return initializers<T, N - 1>();
}

// What a description shows of one struct, not of those in it.
class Members {
 public:
  template <class T>
  void number(const char* name, const T& value) {
    add(name, &value, 1);
  }
  template <class T, size_t N>
  void numbers(const char* name, const T (&values)[N]) {
    add(name, &values, N);
  }
  template <class T, size_t N, size_t M>
  void numbers(const char* name, const T (&rows)[N][M]) {
    add(name, &rows, N * M);
  }
  template <class T>
  void array(const char* name, const T* const& pointer, int64_t) {
    add(name, &pointer, 1);
  }
  void elements(const char* name, const void* const& pointer, int32_t, int64_t) { add(name, &pointer, 1); }
  void packed(const void* const& pointer) { add("packed", &pointer, 1); }
  template <class S, class Inside>
  void group(const char* name, const S& value, Inside) {
    add(name, &value, 1);
  }

  size_t count = 0;
  std::vector<const char*> addresses;
  std::vector<std::string> names;

 private:
  void add(const char* name, const void* address, size_t initializers) {
    names.emplace_back(name);
    addresses.push_back(static_cast<const char*>(address));
    count += initializers;
  }
};

// A struct whose integers are all 1, so that counts can be computed from them.
template <class T>
T of_ones() {
  T result{};
  const std::vector<int32_t> ones(sizeof(T) / sizeof(int32_t), 1);
  std::memcpy(&result, ones.data(), sizeof result);
  return result;
}

template <class T, class... Arguments>
void expect_complete(Arguments... arguments) {
  const T params = of_ones<T>();
  Members members;
  fields(params, arguments..., members);
  EXPECT_EQ(members.count, initializers<T>()) << typeid(T).name();
  EXPECT_TRUE(std::ranges::is_sorted(members.addresses, std::less_equal())) << typeid(T).name();
  const char* first = reinterpret_cast<const char*>(&params);
  EXPECT_EQ(members.addresses.front(), first);
  EXPECT_LT(members.addresses.back(), first + sizeof params);
  EXPECT_EQ(std::ranges::count(members.names, ""), 0);
}

template <class... Params>
void expect_all(std::variant<Params...>*) {
  (expect_complete<Params>(), ...);
}

TEST(Fields, DescribeEveryMemberOfEveryParameterStruct) { expect_all(static_cast<KernelParams*>(nullptr)); }

TEST(Fields, DescribeEveryMemberOfTheStructsInThem) {
  expect_complete<ht_multiplier>(int64_t{4});
  expect_complete<ht_epilogue>(int64_t{4});
  expect_complete<ht_output_s16>(int64_t{4});
  expect_complete<ht_resample_axis>(int64_t{4});
  expect_complete<ht_activation>();
  expect_complete<ht_broadcast>();
}

// The test above would be worth nothing if it counted wrongly.
TEST(Fields, InitializersAreCounted) {
  struct Inner {
    int a, b;
  };
  struct Outer {
    int a[2][3];
    Inner inner;
    const void* pointer;
  };
  EXPECT_EQ(initializers<Inner>(), 2u);
  EXPECT_EQ(initializers<Outer>(), 8u);
}

}  // namespace
}  // namespace ht
