// SPDX-License-Identifier: Apache-2.0
#include "api/zip.h"

#include <zlib.h>

#include <algorithm>
#include <optional>
#include <span>

namespace ht {
namespace {

constexpr uint32_t kEnd = 0x06054b50, kEnd64 = 0x06064b50, kLocator64 = 0x07064b50, kCentral = 0x02014b50, kLocal = 0x04034b50;
constexpr size_t kEndBytes = 22, kEnd64Bytes = 56, kLocator64Bytes = 20, kCentralBytes = 46, kLocalBytes = 30;
constexpr size_t kMaxComment = 0xFFFF;
constexpr uint32_t kIn64 = 0xFFFFFFFF;  // the number stands elsewhere, in 64 bits
constexpr uint16_t kExtra64 = 1;
constexpr uint16_t kStored = 0, kDeflated = 8;
constexpr uint16_t kEncrypted = 1;
constexpr uint64_t kMostExpansion = 1032;  // of Deflate

using Bytes = std::span<const uint8_t>;

// A number of so many bytes, which are there.
uint64_t number(Bytes bytes, size_t offset, size_t size) {
  uint64_t value = 0;
  for (size_t i = size; i-- > 0;) value = value << 8 | bytes[offset + i];
  return value;
}

bool has(Bytes bytes, uint64_t offset, uint64_t size) { return offset <= bytes.size() && size <= bytes.size() - offset; }

bool is_record(Bytes bytes, uint64_t offset, size_t size, uint32_t signature) {
  return has(bytes, offset, size) && number(bytes, offset, 4) == signature;
}

struct Directory {
  uint64_t offset = 0, size = 0, count = 0;
};

// The record at the end, before a comment of any length.
std::optional<size_t> find_end(Bytes bytes) {
  if (bytes.size() < kEndBytes) return std::nullopt;
  const size_t last = bytes.size() - kEndBytes;
  for (size_t back = 0; back <= std::min(last, kMaxComment); ++back)
    if (number(bytes, last - back, 4) == kEnd) return last - back;
  return std::nullopt;
}

std::optional<Directory> find_directory(Bytes bytes) {
  const auto end = find_end(bytes);
  if (!end) return std::nullopt;
  Directory directory{number(bytes, *end + 16, 4), number(bytes, *end + 12, 4), number(bytes, *end + 10, 2)};
  if (*end >= kLocator64Bytes && is_record(bytes, *end - kLocator64Bytes, kLocator64Bytes, kLocator64)) {
    const uint64_t end64 = number(bytes, *end - kLocator64Bytes + 8, 8);
    if (!is_record(bytes, end64, kEnd64Bytes, kEnd64)) return std::nullopt;
    const Bytes record = bytes.subspan(end64, kEnd64Bytes);
    directory = {number(record, 48, 8), number(record, 40, 8), number(record, 32, 8)};
  }
  if (!has(bytes, directory.offset, directory.size) || directory.count > directory.size / kCentralBytes) return std::nullopt;
  return directory;
}

// Fills in the sizes that stand in the entry's extra fields, in this order, because they need 64 bits.
bool read_extra(Bytes extra, ZipArchive::Member& member) {
  uint64_t* const wide[] = {&member.size, &member.stored, &member.offset};
  for (size_t at = 0; has(extra, at, 4); at += 4 + number(extra, at + 2, 2)) {
    const size_t size = number(extra, at + 2, 2);
    if (number(extra, at, 2) != kExtra64 || !has(extra, at + 4, size)) continue;
    size_t field = at + 4;
    for (uint64_t* value : wide) {
      if (*value != kIn64) continue;
      if (field + 8 > at + 4 + size) return false;
      *value = number(extra, field, 8);
      field += 8;
    }
  }
  return true;
}

// Inflates to exactly `size` bytes.
bool inflate_all(Bytes stored, std::span<uint8_t> to) {
  constexpr size_t kPiece = size_t{1} << 30;
  z_stream stream{};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) return false;
  int state = Z_OK;
  size_t taken = 0, given = 0;
  while (state == Z_OK) {
    stream.next_in = const_cast<Bytef*>(stored.data() + taken);
    stream.avail_in = static_cast<uInt>(std::min(kPiece, stored.size() - taken));
    stream.next_out = to.data() + given;
    stream.avail_out = static_cast<uInt>(std::min(kPiece, to.size() - given));
    const uInt in = stream.avail_in, out = stream.avail_out;
    state = inflate(&stream, Z_NO_FLUSH);
    taken += in - stream.avail_in;
    given += out - stream.avail_out;
    if (in == stream.avail_in && out == stream.avail_out && state == Z_OK) break;  // nothing moves any more
  }
  inflateEnd(&stream);
  return state == Z_STREAM_END && given == to.size();
}

uint32_t checksum_of(Bytes bytes) { return static_cast<uint32_t>(crc32_z(0, bytes.data(), bytes.size())); }

}  // namespace

Result<ZipArchive> ZipArchive::open(std::vector<uint8_t> bytes) {
  ZipArchive archive;
  const auto directory = find_directory(bytes);
  if (!directory) return input_error("is no archive, or is damaged: its table of members cannot be found");
  const Bytes table = Bytes(bytes).subspan(directory->offset, directory->size);
  size_t at = 0;
  for (uint64_t i = 0; i < directory->count; ++i) {
    if (!is_record(table, at, kCentralBytes, kCentral)) return input_error("is damaged: its table of members ends early");
    const Bytes entry = table.subspan(at, kCentralBytes);
    const size_t name = number(entry, 28, 2), extra = number(entry, 30, 2), comment = number(entry, 32, 2);
    if (!has(table, at + kCentralBytes, name + extra + comment)) return input_error("is damaged: its table of members ends early");
    Member member;
    member.name.assign(reinterpret_cast<const char*>(table.data()) + at + kCentralBytes, name);
    member.flags = static_cast<uint16_t>(number(entry, 8, 2));
    member.method = static_cast<uint16_t>(number(entry, 10, 2));
    member.checksum = static_cast<uint32_t>(number(entry, 16, 4));
    member.stored = number(entry, 20, 4);
    member.size = number(entry, 24, 4);
    member.offset = number(entry, 42, 4);
    if (!read_extra(table.subspan(at + kCentralBytes + name, extra), member)) return input_error("is damaged: a member has no size");
    archive.members_.push_back(std::move(member));
    at += kCentralBytes + name + extra + comment;
  }
  archive.bytes_ = std::move(bytes);
  return archive;
}

Result<std::vector<uint8_t>> ZipArchive::read(const Member& member, uint64_t max_bytes) const {
  const auto damaged = [&] { return input_error("the archive's member is damaged").in(member.name); };
  if (member.flags & kEncrypted) return unsupported("the archive's member is encrypted; save it without").in(member.name);
  if (member.method != kStored && member.method != kDeflated)
    return unsupported("the archive's member is packed by method {}; save it with numpy.savez", member.method).in(member.name);
  if (member.size > max_bytes)
    return input_error("the archive's member has {} bytes, more than the {} allowed here", member.size, max_bytes).in(member.name);
  if (!is_record(bytes_, member.offset, kLocalBytes, kLocal)) return damaged();
  const uint64_t start = member.offset + kLocalBytes + number(bytes_, member.offset + 26, 2) + number(bytes_, member.offset + 28, 2);
  if (!has(bytes_, start, member.stored)) return damaged();
  const Bytes stored = Bytes(bytes_).subspan(start, member.stored);
  const bool is_possible = member.method == kStored ? member.size == member.stored : member.size / kMostExpansion <= member.stored;
  if (!is_possible) return damaged();
  std::vector<uint8_t> result;
  if (member.method == kStored) {
    result.assign(stored.begin(), stored.end());
  } else {
    result.resize(member.size);
    if (!inflate_all(stored, result)) return damaged();
  }
  if (checksum_of(result) != member.checksum) return damaged();
  return result;
}

}  // namespace ht
