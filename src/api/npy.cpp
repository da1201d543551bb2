// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <charconv>
#include <optional>

#include <fmt/ranges.h>

#include "base/checked.h"
#include "base/file.h"
#include "halftone/model.h"
#include "ir/type.h"

namespace ht {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr size_t kAlignment = 64;

struct NpyType {
  std::string_view description;
  DType dtype;
};
constexpr std::array<NpyType, 10> kTypes = {{{"<f4", DType::kFloat32},
                                             {"<f2", DType::kFloat16},
                                             {"<f8", DType::kFloat64},
                                             {"|i1", DType::kInt8},
                                             {"|u1", DType::kUint8},
                                             {"<i2", DType::kInt16},
                                             {"<u2", DType::kUint16},
                                             {"<i4", DType::kInt32},
                                             {"<i8", DType::kInt64},
                                             {"|b1", DType::kBool}}};

// What stands behind 'key': in the header's dictionary.
std::optional<std::string_view> entry(std::string_view header, std::string_view key) {
  const size_t at = header.find(fmt::format("'{}':", key));
  if (at == std::string_view::npos) return std::nullopt;
  std::string_view rest = header.substr(at + key.size() + 3);
  rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
  return rest;
}

std::optional<DType> parse_type(std::string_view header) {
  const auto text = entry(header, "descr");
  if (!text) return std::nullopt;
  for (const NpyType& type : kTypes)
    if (text->starts_with(fmt::format("'{}'", type.description))) return type.dtype;
  return std::nullopt;
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

Result<halftone::Tensor> parse_npy(std::span<const uint8_t> bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (text.size() < 12 || !text.starts_with(kMagic)) return input_error("is no .npy file");
  const size_t size_bytes = bytes[6] == 1 ? 2 : 4;
  if (bytes[6] < 1 || bytes[6] > 3) return input_error("is a .npy file of version {}; 1 to 3 are known", bytes[6]);
  size_t header_size = 0;
  for (size_t i = size_bytes; i-- > 0;) header_size = header_size << 8 | bytes[8 + i];
  const size_t start = 8 + size_bytes;
  if (header_size > text.size() - start) return input_error("ends within its header");
  const std::string_view header = text.substr(start, header_size);
  const auto dtype = parse_type(header);
  if (!dtype) return input_error("has an element type that is not read; store little-endian numbers, such as float32");
  const auto order = entry(header, "fortran_order");
  if (!order || !order->starts_with("False")) return input_error("is in Fortran's order; store numpy.ascontiguousarray(x)");
  const auto shape = parse_shape(header);
  if (!shape) return input_error("has no shape that can be read");
  const auto count = checked_product(*shape);
  const auto wanted = count ? checked_mul(*count, dtype_size(*dtype)) : std::nullopt;
  const auto data = bytes.subspan(start + header_size);
  if (!wanted || static_cast<uint64_t>(*wanted) != data.size())
    return input_error("holds {} bytes of elements, but its shape needs {}", data.size(), wanted ? std::to_string(*wanted) : "too many");
  return halftone::Tensor{{}, std::string(dtype_name(*dtype)), *shape, {data.begin(), data.end()}};
}

}  // namespace
}  // namespace ht

namespace halftone {

Result<Tensor> read_npy(const std::filesystem::path& path) {
  HT_ASSIGN(const std::vector<uint8_t> bytes, ht::read_file(path));
  auto tensor = ht::parse_npy(bytes);
  if (!tensor) return std::move(tensor.error()).in(path.string());
  return tensor;
}

Status write_npy(const std::filesystem::path& path, const Tensor& tensor) {
  const auto dtype = ht::dtype_from_name(tensor.type);
  // Integers of 4 bits take a byte each in memory, and NumPy has no narrower type.
  const auto stored = dtype == ht::DType::kInt4 ? ht::DType::kInt8 : dtype == ht::DType::kUint4 ? ht::DType::kUint8 : dtype;
  std::string_view description;
  for (const auto& type : ht::kTypes)
    if (type.dtype == stored) description = type.description;
  if (description.empty()) return ht::usage_error("tensors of type '{}' cannot be written as .npy", tensor.type).in(path.string());
  const std::string shape = fmt::format("({}{})", fmt::join(tensor.shape, ", "), tensor.shape.size() == 1 ? "," : "");
  std::string header = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': {}, }}", description, shape);
  const size_t unpadded = 10 + header.size() + 1;
  header.append((ht::kAlignment - unpadded % ht::kAlignment) % ht::kAlignment, ' ');
  header += '\n';
  std::string file(ht::kMagic);
  file += '\x01';
  file += '\0';
  file += static_cast<char>(header.size() & 0xff);
  file += static_cast<char>(header.size() >> 8);
  file += header;
  file.append(reinterpret_cast<const char*>(tensor.bytes.data()), tensor.bytes.size());
  return ht::write_file(path, file);
}

}  // namespace halftone
