// SPDX-License-Identifier: Apache-2.0
#include "calibrate/cbor.h"

#include <bit>

#include "base/checked.h"

namespace ht {

void CborWriter::head(uint8_t major, uint64_t argument) {
  const auto put = [&](uint8_t information, int size) {
    bytes_.push_back(static_cast<uint8_t>(major << 5 | information));
    for (int i = size - 1; i >= 0; --i) bytes_.push_back(static_cast<uint8_t>(argument >> (8 * i)));
  };
  if (argument < 24) return put(static_cast<uint8_t>(argument), 0);
  if (argument <= UINT8_MAX) return put(24, 1);
  if (argument <= UINT16_MAX) return put(25, 2);
  if (argument <= UINT32_MAX) return put(26, 4);
  put(27, 8);
}

void CborWriter::integer(int64_t value) {
  if (value >= 0) return head(0, static_cast<uint64_t>(value));
  head(1, static_cast<uint64_t>(-(value + 1)));
}

void CborWriter::text(std::string_view value) {
  head(3, value.size());
  bytes_.insert(bytes_.end(), value.begin(), value.end());
}

void CborWriter::float32(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  bytes_.push_back(7 << 5 | 26);
  for (int i = 3; i >= 0; --i) bytes_.push_back(static_cast<uint8_t>(bits >> (8 * i)));
}

Error CborReader::fail(std::string_view what) const {
  return input_error("at byte {} {} is expected; this is not a file of statistics, or a damaged one", position_, what);
}

Result<uint64_t> CborReader::big_endian(size_t size) {
  if (bytes_.size() - position_ < size) return fail("more");
  uint64_t value = 0;
  for (size_t i = 0; i < size; ++i) value = value << 8 | bytes_[position_++];
  return value;
}

Result<uint64_t> CborReader::head(uint8_t major, std::string_view what) {
  if (position_ >= bytes_.size() || bytes_[position_] >> 5 != major) return fail(what);
  const unsigned information = bytes_[position_] & 31U;
  if (information > 27) return fail(what);
  ++position_;
  if (information < 24) return uint64_t{information};
  return big_endian(size_t{1} << (information - 24));
}

Result<uint64_t> CborReader::unsigned_integer() { return head(0, "an integer"); }

Result<int64_t> CborReader::integer() {
  const bool negative = position_ < bytes_.size() && bytes_[position_] >> 5 == 1;
  HT_ASSIGN(const uint64_t magnitude, head(negative ? 1 : 0, "an integer"));
  if (magnitude > INT64_MAX) return fail("an integer of 64 bits");
  return negative ? -static_cast<int64_t>(magnitude) - 1 : static_cast<int64_t>(magnitude);
}

Result<int64_t> CborReader::count() {
  HT_ASSIGN(const int64_t value, integer());
  if (value < 0) return fail("a count");
  return value;
}

Result<std::string> CborReader::text() {
  HT_ASSIGN(const uint64_t size, head(3, "text"));
  if (bytes_.size() - position_ < size) return fail("more text");
  const auto* start = reinterpret_cast<const char*>(bytes_.data()) + position_;
  position_ += size;
  return std::string(start, size);
}

Result<float> CborReader::float32() {
  if (position_ >= bytes_.size() || bytes_[position_] != (7 << 5 | 26)) return fail("a float");
  ++position_;
  HT_ASSIGN(const uint64_t bits, big_endian(4));
  return std::bit_cast<float>(static_cast<uint32_t>(bits));
}

Result<size_t> CborReader::array() {
  HT_ASSIGN(const uint64_t size, head(4, "an array"));
  if (size > bytes_.size() - position_) return fail("an array that the file has room for");
  return static_cast<size_t>(size);
}

Result<size_t> CborReader::map() {
  HT_ASSIGN(const uint64_t size, head(5, "a map"));
  if (size > (bytes_.size() - position_) / 2) return fail("a map that the file has room for");
  return static_cast<size_t>(size);
}

Status CborReader::array_of(size_t size) {
  HT_ASSIGN(const size_t found, array());
  if (found != size) return fail(fmt::format("an array of {} items", size));
  return {};
}

Status CborReader::key(std::string_view key) {
  HT_ASSIGN(const std::string found, text());
  if (found != key) return fail(fmt::format("'{}'", key));
  return {};
}

Status CborReader::end() {
  if (position_ != bytes_.size()) return fail("the end");
  return {};
}

}  // namespace ht
