// SPDX-License-Identifier: Apache-2.0
#include "api/arrays.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <random>

#include "api/npy.h"
#include "api/tensor.h"
#include "api/zip.h"

namespace ht {
namespace {

using Bytes = std::vector<uint8_t>;

Bytes npy(const halftone::Tensor& tensor) {
  const auto text = format_npy(tensor);
  return {text->begin(), text->end()};
}

halftone::Tensor some_array() { return halftone::Tensor::of_floats("x", {2, 3}, std::vector<float>{1, 2, 3, 4, 5, 6}); }

void append(Bytes& bytes, uint64_t number, size_t size) {
  for (size_t i = 0; i < size; ++i) bytes.push_back(static_cast<uint8_t>(number >> (8 * i)));
}

// An archive with one deflated member.
Bytes archive_of(const Bytes& data, uint64_t claim) {
  Bytes packed(compressBound(data.size()));
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
  stream.next_in = const_cast<Bytef*>(data.data());
  stream.avail_in = static_cast<uInt>(data.size());
  stream.next_out = packed.data();
  stream.avail_out = static_cast<uInt>(packed.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  const auto numbers = [&](Bytes& to) {
    append(to, 8, 2);  // deflated
    append(to, 0, 4);
    append(to, crc32(0, data.data(), static_cast<uInt>(data.size())), 4);
    append(to, packed.size(), 4);
    append(to, claim, 4);
    append(to, 1, 2);  // the name's length
    append(to, 0, 2);
  };
  Bytes file;
  append(file, 0x04034b50, 4);
  append(file, 20, 4);
  numbers(file);
  file.push_back('x');
  file.insert(file.end(), packed.begin(), packed.end());
  const size_t table = file.size();
  append(file, 0x02014b50, 4);
  append(file, 20, 6);
  numbers(file);
  file.insert(file.end(), 14, 0);
  file.push_back('x');
  const size_t table_bytes = file.size() - table;
  append(file, 0x06054b50, 4);
  append(file, 0, 4);
  append(file, 1, 2);
  append(file, 1, 2);
  append(file, table_bytes, 4);
  append(file, table, 4);
  append(file, 0, 2);
  return file;
}

TEST(Npy, EveryTruncationIsAnError) {
  const Bytes whole = npy(some_array());
  const auto back = parse_npy(whole);
  ASSERT_TRUE(back) << back.error().text();
  EXPECT_EQ(back->bytes, some_array().bytes);
  for (size_t length = 0; length < whole.size(); ++length) EXPECT_FALSE(parse_npy(std::span(whole).first(length))) << length;
}

TEST(Npy, NoBitFlipDoesHarm) {
  const Bytes whole = npy(some_array());
  std::mt19937 random(3);
  for (int run = 0; run < 20000; ++run) {
    Bytes damaged = whole;
    for (uint32_t flips = 1 + random() % 3; flips > 0; --flips) damaged[random() % 90] ^= static_cast<uint8_t>(1u << random() % 8);
    if (const auto array = parse_npy(damaged)) {
      EXPECT_TRUE(to_internal(*array));
    }
  }
}

TEST(Zip, GivesItsMembersBack) {
  Bytes data(100000);
  for (size_t i = 0; i < data.size(); ++i) data[i] = static_cast<uint8_t>(i * i >> 7);
  const auto archive = ZipArchive::open(archive_of(data, data.size()));
  ASSERT_TRUE(archive) << archive.error().text();
  ASSERT_EQ(archive->members().size(), 1u);
  EXPECT_EQ(archive->members()[0].name, "x");
  const auto back = archive->read(archive->members()[0], data.size());
  ASSERT_TRUE(back) << back.error().text();
  EXPECT_EQ(*back, data);
  EXPECT_FALSE(archive->read(archive->members()[0], data.size() - 1));
}

TEST(Zip, SizesThatAreClaimedWronglyAreSeen) {
  const Bytes data(5000, 7);
  for (const uint64_t claim : {uint64_t{0}, uint64_t{4999}, uint64_t{5001}, uint64_t{0xFFFFFFFE}}) {
    const auto archive = ZipArchive::open(archive_of(data, claim));
    ASSERT_TRUE(archive);
    EXPECT_FALSE(archive->read(archive->members()[0], UINT64_MAX)) << claim;
  }
}

TEST(Zip, NeitherTruncationNorBitFlipDoesHarm) {
  const Bytes whole = archive_of(npy(some_array()), npy(some_array()).size());
  for (size_t length = 0; length < whole.size(); ++length) {
    const auto archive = ZipArchive::open(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length)));
    EXPECT_FALSE(archive) << length;
  }
  std::mt19937 random(4);
  for (int run = 0; run < 20000; ++run) {
    Bytes damaged = whole;
    for (uint32_t flips = 1 + random() % 3; flips > 0; --flips) damaged[random() % damaged.size()] ^= static_cast<uint8_t>(1u << random() % 8);
    const auto archive = ZipArchive::open(damaged);
    if (!archive) continue;
    for (const ZipArchive::Member& member : archive->members()) {
      const auto data = archive->read(member, 1 << 20);
      if (data) {
        EXPECT_EQ(*data, npy(some_array()));  // the checksum lets nothing else pass
      }
    }
  }
}

TEST(Elements, KeepTheirNumbersOrAreRefused) {
  const Tensor reals = Tensor::of_floats({3}, std::vector<float>{1, -2, 0.5f});
  const Tensor integers = Tensor::of_int64s(std::vector<int64_t>{0, 1, 300});
  EXPECT_EQ(convert_elements(integers, DType::kFloat32)->to_floats(), (std::vector<float>{0, 1, 300}));
  EXPECT_EQ(convert_elements(integers, DType::kInt16)->to_int64s(), (std::vector<int64_t>{0, 1, 300}));
  EXPECT_EQ(convert_elements(reals, DType::kFloat64)->to_doubles(), (std::vector<double>{1, -2, 0.5}));
  EXPECT_EQ(convert_elements(reals, DType::kFloat16)->to_floats(), (std::vector<float>{1, -2, 0.5f}));
  for (const DType narrow : {DType::kUint8, DType::kInt8, DType::kBool}) EXPECT_FALSE(convert_elements(integers, narrow));
  EXPECT_FALSE(convert_elements(reals, DType::kInt64));
}

}  // namespace
}  // namespace ht
