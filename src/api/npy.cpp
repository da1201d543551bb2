// SPDX-License-Identifier: Apache-2.0
#include "api/npy.h"

#include <array>
#include <charconv>
#include <cstring>
#include <optional>

#include <fmt/ranges.h>

#include "base/checked.h"
#include "base/file.h"
#include "ir/tensor.h"

namespace ht {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr size_t kAlignment = 64;

struct NpyType {
  std::string_view code;  // NumPy's kind and the bytes of an element
  DType dtype;            // in memory
};
// Written are the first of their type.
constexpr std::array<NpyType, 12> kTypes = {{{"f4", DType::kFloat32},
                                             {"f2", DType::kFloat16},
                                             {"f8", DType::kFloat64},
                                             {"i1", DType::kInt8},
                                             {"u1", DType::kUint8},
                                             {"i2", DType::kInt16},
                                             {"u2", DType::kUint16},
                                             {"i4", DType::kInt32},
                                             {"i8", DType::kInt64},
                                             {"b1", DType::kBool},
                                             {"u4", DType::kInt64},
                                             {"u8", DType::kInt64}}};

int64_t stored_size(const NpyType& type) { return type.code[1] - '0'; }

struct Header {
  const NpyType* type = nullptr;
  bool is_big_endian = false;
  bool is_fortran = false;
  Shape shape;
};

// What stands behind 'key': in the header's dictionary.
std::optional<std::string_view> entry(std::string_view header, std::string_view key) {
  const size_t at = header.find(fmt::format("'{}':", key));
  if (at == std::string_view::npos) return std::nullopt;
  std::string_view rest = header.substr(at + key.size() + 3);
  rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
  return rest;
}

// The element type's text, such as "<f4"; nothing where the elements are records.
std::optional<std::string_view> description(std::string_view header) {
  const auto text = entry(header, "descr");
  if (!text || !text->starts_with('\'')) return std::nullopt;
  return text->substr(1, text->find('\'', 1) - 1);
}

std::optional<Shape> parse_shape(std::string_view header) {
  auto text = entry(header, "shape");
  if (!text || !text->starts_with('(')) return std::nullopt;
  Shape shape;
  for (text->remove_prefix(1); !text->starts_with(')');) {
    int64_t size = -1;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), size);
    if (error != std::errc() || size < 0) return std::nullopt;
    shape.push_back(size);
    text->remove_prefix(static_cast<size_t>(end - text->data()));
    text->remove_prefix(std::min(text->find_first_not_of(", "), text->size()));
  }
  return shape;
}

Result<Header> parse_header(std::string_view text) {
  Header header;
  const auto described = description(text);
  if (!described || described->empty())
    return input_error("holds records; store arrays of numbers, such as x[\"field\"].astype(\"float32\")");
  const auto found = std::ranges::find(kTypes, described->substr(1), &NpyType::code);
  if (found == kTypes.end() || std::string_view("<>|=").find(described->front()) == std::string_view::npos)
    return input_error("has elements of type '{}', which are not read; store numbers, such as x.astype(\"float32\")", *described);
  header.type = &*found;
  header.is_big_endian = described->front() == '>';
  const auto order = entry(text, "fortran_order");
  if (!order || !(order->starts_with("False") || order->starts_with("True"))) return input_error("does not say the order of its axes");
  header.is_fortran = order->starts_with("True");
  const auto shape = parse_shape(text);
  if (!shape) return input_error("has no shape that can be read");
  header.shape = *shape;
  return header;
}

void swap_bytes(std::span<uint8_t> bytes, size_t size) {
  for (size_t i = 0; i < bytes.size(); i += size) std::reverse(bytes.begin() + static_cast<std::ptrdiff_t>(i), bytes.begin() + static_cast<std::ptrdiff_t>(i + size));
}

// From Fortran's order of axes, the first one innermost, to C's.
std::vector<uint8_t> to_c_order(std::span<const uint8_t> bytes, const Shape& shape, size_t size) {
  std::vector<uint8_t> result(bytes.size());
  Shape strides(shape.size(), 1), place(shape.size(), 0);
  for (size_t axis = 1; axis < shape.size(); ++axis) strides[axis] = strides[axis - 1] * shape[axis - 1];
  size_t from = 0;
  for (size_t to = 0; to < bytes.size(); to += size) {
    std::memcpy(result.data() + to, bytes.data() + from * size, size);
    for (size_t axis = shape.size(); axis-- > 0;) {
      from += static_cast<size_t>(strides[axis]);
      if (++place[axis] < shape[axis]) break;
      from -= static_cast<size_t>(strides[axis] * shape[axis]);
      place[axis] = 0;
    }
  }
  return result;
}

template <class T>
std::vector<uint8_t> widened(std::span<const uint8_t> bytes) {
  std::vector<uint8_t> result(bytes.size() / sizeof(T) * sizeof(int64_t));
  for (size_t i = 0; i < bytes.size() / sizeof(T); ++i) {
    T narrow;
    std::memcpy(&narrow, bytes.data() + i * sizeof(T), sizeof(T));
    const auto wide = static_cast<int64_t>(narrow);
    std::memcpy(result.data() + i * sizeof(int64_t), &wide, sizeof(int64_t));
  }
  return result;
}

// The elements as their type in memory has them.
Result<std::vector<uint8_t>> to_memory(const Header& header, std::vector<uint8_t> bytes) {
  const auto size = static_cast<size_t>(stored_size(*header.type));
  if (header.is_big_endian) swap_bytes(bytes, size);
  if (header.is_fortran) bytes = to_c_order(bytes, header.shape, size);
  if (header.type->code == "b1")
    for (uint8_t& byte : bytes) byte = byte != 0;
  if (header.type->code == "u4") return widened<uint32_t>(bytes);
  if (header.type->code == "u8")
    for (size_t i = size - 1; i < bytes.size(); i += size)
      if (bytes[i] >= 0x80) return input_error("holds unsigned integers of 2^63 or more, which are not read");
  return bytes;
}

}  // namespace

Result<halftone::Tensor> parse_npy(std::span<const uint8_t> bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (text.size() < 12 || !text.starts_with(kMagic)) return input_error("is no .npy file");
  const size_t size_bytes = bytes[6] == 1 ? 2 : 4;
  if (bytes[6] < 1 || bytes[6] > 3) return input_error("is a .npy file of version {}; 1 to 3 are known", bytes[6]);
  size_t header_size = 0;
  for (size_t i = size_bytes; i-- > 0;) header_size = header_size << 8 | bytes[8 + i];
  const size_t start = 8 + size_bytes;
  if (header_size > text.size() - start) return input_error("ends within its header");
  HT_ASSIGN(const Header header, parse_header(text.substr(start, header_size)));
  const auto count = checked_product(header.shape);
  const auto wanted = count ? checked_mul(*count, stored_size(*header.type)) : std::nullopt;
  const auto data = bytes.subspan(start + header_size);
  if (!wanted || static_cast<uint64_t>(*wanted) != data.size())
    return input_error("holds {} bytes of elements, but its shape needs {}", data.size(), wanted ? std::to_string(*wanted) : "too many");
  HT_ASSIGN(std::vector<uint8_t> elements, to_memory(header, {data.begin(), data.end()}));
  return halftone::Tensor{{}, std::string(dtype_name(header.type->dtype)), header.shape, std::move(elements)};
}

Result<std::string> format_npy(const halftone::Tensor& tensor) {
  const auto dtype = dtype_from_name(tensor.type);
  // Integers of 4 bits take a byte each in memory, and NumPy has no narrower type.
  const auto stored = dtype == DType::kInt4 ? DType::kInt8 : dtype == DType::kUint4 ? DType::kUint8 : dtype;
  const auto type = stored ? std::ranges::find(kTypes, *stored, &NpyType::dtype) : kTypes.end();
  if (type == kTypes.end()) return usage_error("tensors of type '{}' cannot be written as .npy", tensor.type);
  const std::string shape = fmt::format("({}{})", fmt::join(tensor.shape, ", "), tensor.shape.size() == 1 ? "," : "");
  const char order = stored_size(*type) == 1 ? '|' : '<';
  std::string header = fmt::format("{{'descr': '{}{}', 'fortran_order': False, 'shape': {}, }}", order, type->code, shape);
  const size_t unpadded = 10 + header.size() + 1;
  header.append((kAlignment - unpadded % kAlignment) % kAlignment, ' ');
  header += '\n';
  std::string file(kMagic);
  file += '\x01';
  file += '\0';
  file += static_cast<char>(header.size() & 0xff);
  file += static_cast<char>(header.size() >> 8);
  file += header;
  file.append(reinterpret_cast<const char*>(tensor.bytes.data()), tensor.bytes.size());
  return file;
}

}  // namespace ht

namespace halftone {

Result<Tensor> read_npy(const std::filesystem::path& path) {
  HT_ASSIGN(const std::vector<uint8_t> bytes, ht::read_file(path));
  auto tensor = ht::parse_npy(bytes);
  if (!tensor) return std::move(tensor.error()).in(path.string());
  return tensor;
}

Status write_npy(const std::filesystem::path& path, const Tensor& tensor) {
  auto file = ht::format_npy(tensor);
  if (!file) return std::move(file.error()).in(path.string());
  return ht::write_file(path, *file);
}

}  // namespace halftone
