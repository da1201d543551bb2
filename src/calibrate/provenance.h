// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include "base/result.h"

namespace ht {

// The hash of a set of files that does not depend on their order: the sum of their SHA-256 modulo 2^256.
class DataHash {
 public:
  Status add(std::string_view sha256_hex);
  void add(const DataHash& other);
  std::string hex() const;
  static Result<DataHash> parse(std::string_view hex);
  bool operator==(const DataHash&) const = default;

 private:
  std::array<uint8_t, 32> bytes_{};  // big-endian
};

// What statistics were made from; those of different origin do not mix.
struct Provenance {
  std::string model;             // hash of the model
  std::string preprocess;        // hash of the preprocessing
  std::string isa;               // the float executor's instruction set
  int64_t items = 0;             // in the whole calibration set, all shards together
  int64_t shards = 1;            // into how many parts the set is split ...
  std::set<int64_t> done = {0};  // ... and which of them are in here

  // All shards together are written as one of one, as a run over the whole set is.
  void normalize();
  bool complete() const { return static_cast<int64_t>(done.size()) == shards; }
  bool operator==(const Provenance&) const = default;
};

// The provenance of both together; fails where model, preprocessing, instruction set or split differ, or shards overlap.
Result<Provenance> merge(const Provenance& a, const Provenance& b);

}  // namespace ht
