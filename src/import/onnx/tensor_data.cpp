// SPDX-License-Identifier: Apache-2.0
#include "import/onnx/tensor_data.h"

#include <onnx.pb.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>

#include "base/checked.h"
#include "base/file.h"
#include "import/onnx/text.h"

static_assert(std::endian::native == std::endian::little, "raw data of ONNX are little-endian");

namespace ht {
namespace {

using Proto = onnx::TensorProto;
constexpr int32_t kUint4 = 21, kInt4 = 22;  // newer than the package's onnx.proto

// Bits that an element takes in raw data.
int64_t element_bits(int32_t code) {
  switch (code) {
    case kUint4:
    case kInt4:
      return 4;
    case Proto::UINT8:
    case Proto::INT8:
    case Proto::BOOL:
      return 8;
    case Proto::UINT16:
    case Proto::INT16:
    case Proto::FLOAT16:
    case Proto::BFLOAT16:
      return 16;
    case Proto::FLOAT:
    case Proto::INT32:
      return 32;
    default:
      return 64;
  }
}

template <class To, class From, class Function>
void transform_bytes(std::span<const uint8_t> from, Tensor& to, Function function) {
  const auto out = to.mutable_data<To>();
  for (size_t i = 0; i < out.size(); ++i) {
    From x;
    std::memcpy(&x, from.data() + i * sizeof(From), sizeof(From));
    out[i] = function(x);
  }
}

int8_t nibble(std::span<const uint8_t> packed, size_t index, bool is_signed) {
  const int bits = index % 2 == 0 ? packed[index / 2] & 15 : packed[index / 2] >> 4;
  return static_cast<int8_t>(is_signed && bits > 7 ? bits - 16 : bits);
}

// Raw bytes of the right number, in the element type that the graph has for them.
Tensor from_raw(int32_t code, DType dtype, const Shape& shape, std::span<const uint8_t> raw) {
  Tensor tensor = Tensor::zeros(dtype, shape);
  switch (code) {
    case kUint4:
    case kInt4: {
      const auto out = tensor.mutable_data<int8_t>();
      for (size_t i = 0; i < out.size(); ++i) out[i] = nibble(raw, i, code == kInt4);
      break;
    }
    case Proto::BOOL:
      transform_bytes<uint8_t, uint8_t>(raw, tensor, [](uint8_t x) { return static_cast<uint8_t>(x != 0); });
      break;
    case Proto::FLOAT16:
      transform_bytes<float, uint16_t>(raw, tensor, half_to_float);
      break;
    case Proto::BFLOAT16:
      transform_bytes<float, uint16_t>(raw, tensor,
                                       [](uint16_t x) { return std::bit_cast<float>(static_cast<uint32_t>(x) << 16); });
      break;
    case Proto::DOUBLE:
      transform_bytes<float, double>(raw, tensor, [](double x) { return static_cast<float>(x); });
      break;
    default:
      if (!raw.empty()) std::memcpy(tensor.mutable_data<uint8_t>().data(), raw.data(), raw.size());
  }
  return tensor;
}

Error wrong_count(int64_t found, int64_t needed) {
  return input_error("the tensor has {} elements of data where its shape needs {}; the file is damaged", found, needed);
}

// int32_data holds every type of up to 32 bits: halves by their bits, 4-bit integers two to an element.
Result<std::vector<uint8_t>> raw_from_int32(const Proto& proto, int64_t count) {
  const int64_t bits = element_bits(proto.data_type());
  const int64_t needed = bits == 4 ? (count + 1) / 2 : count;
  if (proto.int32_data_size() != needed) return wrong_count(proto.int32_data_size(), needed);
  const size_t bytes = bits == 4 ? 1 : static_cast<size_t>(bits / 8);
  const int64_t span = int64_t{1} << (bytes * 8);
  std::vector<uint8_t> raw(static_cast<size_t>(needed) * bytes);
  for (size_t i = 0; i < static_cast<size_t>(needed); ++i) {
    const int32_t x = proto.int32_data(static_cast<int>(i));
    if (bytes < 4 && (x < -span / 2 || x >= span))
      return input_error("the tensor's element {} is {}, which its type cannot hold", i, x);
    std::memcpy(raw.data() + i * bytes, &x, bytes);
  }
  return raw;
}

template <class Elements>
Result<std::vector<uint8_t>> raw_from(const Elements& elements, int64_t count) {
  using Element = std::decay_t<decltype(elements.Get(0))>;
  if (elements.size() != count) return wrong_count(elements.size(), count);
  std::vector<uint8_t> raw(static_cast<size_t>(count) * sizeof(Element));
  if (count > 0) std::memcpy(raw.data(), elements.data(), raw.size());
  return raw;
}

Result<std::vector<uint8_t>> raw_from_typed(const Proto& proto, int64_t count) {
  switch (proto.data_type()) {
    case Proto::FLOAT:
      return raw_from(proto.float_data(), count);
    case Proto::DOUBLE:
      return raw_from(proto.double_data(), count);
    case Proto::INT64:
      return raw_from(proto.int64_data(), count);
    default:
      return raw_from_int32(proto, count);
  }
}

Result<int64_t> parse_size(const std::string& text) {
  int64_t value = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (status != std::errc() || end != text.data() + text.size() || value < 0)
    return input_error("the place of the external data is not a number: '{}'", text);
  return value;
}

// The file that a model's own location names, which must lie in the model's folder after links have been followed.
Result<std::filesystem::path> external_path(const std::filesystem::path& folder, const std::string& location) {
  const std::filesystem::path relative(location);
  const bool climbs = std::ranges::any_of(relative, [](const auto& part) { return part == ".."; });
  if (folder.empty())
    return input_error(
        "the tensor's data are in the file '{}', but a model in memory has no folder; load the model from its file", location);
  if (location.empty() || location.find('\0') != std::string::npos || relative.is_absolute() || climbs)
    return input_error("external data in '{}' lie outside the model's folder; put them beside the model", location);
  std::error_code failure;
  const auto home = std::filesystem::canonical(folder, failure);
  if (failure) return input_error("the model's folder cannot be read: {}", failure.message());
  const auto file = std::filesystem::canonical(home / relative, failure);
  if (failure)
    return input_error("the file of external data '{}' cannot be read ({}); it belongs beside the model", location,
                       failure.message());
  const auto parts = std::ranges::mismatch(home, file);
  if (parts.in1 != home.end())
    return input_error("external data in '{}' lie outside the model's folder; put them beside the model", location);
  return file;
}

}  // namespace

std::optional<DType> element_type(int32_t code) {
  switch (code) {
    case Proto::FLOAT:
    case Proto::FLOAT16:
    case Proto::BFLOAT16:
    case Proto::DOUBLE:
      return DType::kFloat32;
    case Proto::UINT8:
      return DType::kUint8;
    case Proto::INT8:
      return DType::kInt8;
    case Proto::UINT16:
      return DType::kUint16;
    case Proto::INT16:
      return DType::kInt16;
    case Proto::INT32:
      return DType::kInt32;
    case Proto::INT64:
      return DType::kInt64;
    case Proto::BOOL:
      return DType::kBool;
    case kUint4:
      return DType::kUint4;
    case kInt4:
      return DType::kInt4;
    default:
      return std::nullopt;
  }
}

Result<std::vector<uint8_t>> TensorReader::external(const Proto& proto, int64_t size) const {
  std::string location;
  int64_t offset = 0;
  for (const auto& entry : proto.external_data()) {
    if (!is_utf8(entry.value())) return input_error("the place of the external data is not UTF-8 text");
    if (entry.key() == "location") {
      location = entry.value();
    } else if (entry.key() == "offset") {
      HT_ASSIGN(offset, parse_size(entry.value()));
    } else if (entry.key() == "length") {
      HT_ASSIGN(const int64_t length, parse_size(entry.value()));
      if (length != size) return input_error("{} bytes of external data where the tensor's shape needs {}", length, size);
    }
  }
  HT_ASSIGN(const auto path, external_path(folder_, location));
  auto bytes = read_file_range(path, offset, size);
  if (!bytes) return std::move(bytes.error()).in("external data");
  return bytes;
}

Result<Tensor> TensorReader::read(const Proto& proto) {
  constexpr int kMostAxes = 8;
  const auto dtype = element_type(proto.data_type());
  if (!dtype)
    return unsupported("the tensor's element type has ONNX's number {}, which Halftone does not know", proto.data_type());
  if (proto.has_segment()) return unsupported("the tensor is stored in segments; store it whole");
  if (proto.dims_size() > kMostAxes)
    return unsupported("the tensor has {} axes; at most {} are supported", proto.dims_size(), kMostAxes);
  const Shape shape(proto.dims().begin(), proto.dims().end());
  HT_ASSIGN(const int64_t count, checked_element_count(shape));
  const int64_t raw_size = (count * element_bits(proto.data_type()) + 7) / 8;
  const int64_t size = std::max(raw_size, count * dtype_size(*dtype));
  if (size > bytes_left_)
    return input_error("the tensor of shape {} exceeds the memory that a model's constants may take", shape_text(shape));

  std::vector<uint8_t> raw;
  if (proto.data_location() == Proto::EXTERNAL) {
    HT_ASSIGN(raw, external(proto, raw_size));
  } else if (proto.has_raw_data()) {
    if (static_cast<int64_t>(proto.raw_data().size()) != raw_size)
      return input_error("{} bytes of data for a tensor of shape {}, which needs {}; the file is damaged",
                         proto.raw_data().size(), shape_text(shape), raw_size);
    bytes_left_ -= size;
    const auto* data = reinterpret_cast<const uint8_t*>(proto.raw_data().data());
    return from_raw(proto.data_type(), *dtype, shape, {data, proto.raw_data().size()});
  } else {
    HT_ASSIGN(raw, raw_from_typed(proto, count));
  }
  bytes_left_ -= size;
  return from_raw(proto.data_type(), *dtype, shape, raw);
}

}  // namespace ht
