// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>

#include "ir/tensor.h"

namespace onnx {
class TensorProto;
}

namespace ht {

// The type that a tensor of this ONNX element type gets; half, bfloat16 and double become f32. None where there is none.
std::optional<DType> element_type(int32_t code);

// Reads tensors of one model, whose bytes together may not exceed a bound.
class TensorReader {
 public:
  TensorReader(std::filesystem::path folder, int64_t max_bytes) : folder_(std::move(folder)), bytes_left_(max_bytes) {}
  Result<Tensor> read(const onnx::TensorProto& proto);

 private:
  Result<std::vector<uint8_t>> external(const onnx::TensorProto& proto, int64_t size) const;
  std::filesystem::path folder_;
  int64_t bytes_left_;
};

}  // namespace ht
