// SPDX-License-Identifier: Apache-2.0
#include "calibrate/provenance.h"

namespace ht {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

}  // namespace

Result<DataHash> DataHash::parse(std::string_view hex) {
  DataHash hash;
  if (hex.size() != 2 * hash.bytes_.size()) return input_error("a SHA-256 has 64 hexadecimal digits, not {}", hex.size());
  for (size_t i = 0; i < hash.bytes_.size(); ++i) {
    const int high = hex_digit(hex[2 * i]), low = hex_digit(hex[2 * i + 1]);
    if (high < 0 || low < 0) return input_error("a SHA-256 is written in lower-case hexadecimal digits");
    hash.bytes_[i] = static_cast<uint8_t>(high << 4 | low);
  }
  return hash;
}

Status DataHash::add(std::string_view sha256_hex) {
  HT_ASSIGN(const DataHash other, parse(sha256_hex));
  add(other);
  return {};
}

void DataHash::add(const DataHash& other) {
  unsigned carry = 0;
  for (size_t i = bytes_.size(); i-- > 0;) {
    carry += static_cast<unsigned>(bytes_[i]) + other.bytes_[i];
    bytes_[i] = static_cast<uint8_t>(carry);
    carry >>= 8;
  }
}

std::string DataHash::hex() const {
  std::string text;
  for (uint8_t byte : bytes_) text += fmt::format("{:02x}", byte);
  return text;
}

void Provenance::normalize() {
  if (!complete()) return;
  shards = 1;
  done = {0};
}

Result<Provenance> merge(const Provenance& a, const Provenance& b) {
  const auto differ = [](std::string_view what, const auto& x, const auto& y) {
    return input_error("the statistics differ in {} ({} and {}) and cannot be merged", what, x, y);
  };
  if (a.model != b.model) return differ("the model's hash", a.model, b.model);
  if (a.preprocess != b.preprocess) return differ("the preprocessing's hash", a.preprocess, b.preprocess);
  if (a.isa != b.isa) return differ("the instruction set of the float executor (pin it with --isa)", a.isa, b.isa);
  if (a.items != b.items) return differ("the number of items of the whole calibration set", a.items, b.items);
  if (a.shards != b.shards) return differ("the number of shards", a.shards, b.shards);
  Provenance merged = a;
  for (int64_t shard : b.done) {
    if (!merged.done.insert(shard).second)
      return input_error("shard {}/{} is in both statistics, which cannot be merged", shard + 1, a.shards);
  }
  merged.normalize();
  return merged;
}

}  // namespace ht
