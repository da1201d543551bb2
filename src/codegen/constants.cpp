// SPDX-License-Identifier: Apache-2.0
#include "codegen/constants.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace ht {
namespace {

std::string list_of(const int32_t (&values)[HT_ACTIVATION_PIECES]) {
  std::string text;
  for (int32_t value : values) text += (text.empty() ? "" : ", ") + c_literal(value);
  return "{" + text + "}";
}

std::string activations_of(std::span<const uint8_t> bytes) {
  ht_activation f;
  std::memcpy(&f, bytes.data(), sizeof f);
  return fmt::format("{{\n    {{{},\n     {},\n     {},\n     {}, {}}},\n}}", list_of(f.base), list_of(f.slope), list_of(f.curve), f.piece_shift,
                     c_literal(f.rises));
}

}  // namespace

const CType CTypeOf<ht_activation>::kType = {"ht_activation", sizeof(ht_activation), activations_of};

void ConstantPool::add(std::string_view wish, const CType& type, std::span<const uint8_t> bytes, ConstantKind kind) {
  const auto [entry, is_new] = entries_.try_emplace(key_of(type, bytes, kind), Entry{std::string(wish), &type, nullptr, {}});
  if (is_new) order_.push_back(&entry->first);
}

void ConstantPool::settle() {
  // Sorted by kind, type and bytes, an array that begins any other begins its successor.
  const Key* next = nullptr;
  for (auto entry = entries_.rbegin(); entry != entries_.rend(); ++entry) {
    const Key& key = entry->first;
    const bool begins = next && std::get<0>(*next) == std::get<0>(key) && std::get<1>(*next) == std::get<1>(key) &&
                        bytes_of(*next).size() >= bytes_of(key).size() && std::equal(bytes_of(key).begin(), bytes_of(key).end(), bytes_of(*next).begin());
    entry->second.within = begins ? entries_.at(*next).within : &key;
    next = &key;
  }
  Identifiers names;
  for (const Key* key : order_)
    if (is_kept(key)) entries_.at(*key).name = prefix_ + names.make(entries_.at(*key).wish);
}

const std::string& ConstantPool::name_of(const CType& type, std::span<const uint8_t> bytes, ConstantKind kind) const {
  return entries_.at(*entries_.at(key_of(type, bytes, kind)).within).name;
}

int64_t ConstantPool::bytes(ConstantKind kind) const {
  int64_t sum = 0;
  for (const Key* key : order_)
    if (is_kept(key) && std::get<0>(*key) == kind) sum += static_cast<int64_t>(bytes_of(*key).size());
  return sum;
}

bool ConstantPool::has(const CType& type) const {
  return std::ranges::any_of(order_, [&](const Key* key) { return std::get<1>(*key) == type.name; });
}

std::string ConstantPool::declaration(const Key& key, const Entry& entry) const {
  return fmt::format("{} {}[{}]", entry.type->name, entry.name, bytes_of(key).size() / entry.type->bytes);
}

std::string ConstantPool::declarations() const {
  std::string text;
  for (const Key* key : order_)
    if (is_kept(key)) text += fmt::format("extern const {};\n", declaration(*key, entries_.at(*key)));
  return text;
}

std::string ConstantPool::definitions() const {
  std::string text;
  for (const Key* key : order_)
    if (is_kept(key)) text += fmt::format("\nconst {} = {};\n", declaration(*key, entries_.at(*key)), entries_.at(*key).type->elements(bytes_of(*key)));
  return text;
}

}  // namespace ht
