// SPDX-License-Identifier: Apache-2.0
// The constant arrays of a bundle: each is there once, and one that is the beginning of another is not there at all.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "codegen/c_text.h"
#include "kernels/c/ht_epilogue.h"

namespace ht {

template <>
struct CTypeOf<ht_activation> {
  static const CType kType;
};

// What an array is to a reader of the report.
enum class ConstantKind { kWeights, kOther };

class ConstantPool {
 public:
  // What all names begin with.
  explicit ConstantPool(std::string prefix) : prefix_(std::move(prefix)) {}

  // All arrays are added first, `wish` being what a new one would like to be called; then their names are settled and can be asked for.
  void add(std::string_view wish, const CType& type, std::span<const uint8_t> bytes, ConstantKind kind);
  void settle();
  const std::string& name_of(const CType& type, std::span<const uint8_t> bytes, ConstantKind kind) const;

  int64_t bytes(ConstantKind kind) const;  // of the arrays that are there
  bool has(const CType& type) const;
  std::string declarations() const;
  std::string definitions() const;

 private:
  using Key = std::tuple<ConstantKind, std::string_view, std::vector<uint8_t>>;  // with type and bytes
  struct Entry {
    std::string wish;
    const CType* type;
    const Key* within;  // the array that it is, or that it begins
    std::string name;
  };
  static Key key_of(const CType& type, std::span<const uint8_t> bytes, ConstantKind kind) { return {kind, type.name, {bytes.begin(), bytes.end()}}; }
  static const std::vector<uint8_t>& bytes_of(const Key& key) { return std::get<2>(key); }
  bool is_kept(const Key* key) const { return entries_.at(*key).within == key; }
  std::string declaration(const Key& key, const Entry& entry) const;

  std::string prefix_;
  std::map<Key, Entry> entries_;
  std::vector<const Key*> order_;  // of their first mention
};

}  // namespace ht
