// SPDX-License-Identifier: Apache-2.0
// ONNX files, opset 7 and newer, to graphs. The bytes may be hostile.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ir/graph.h"

namespace ht {

// Metadata of a graph: the overlap that a suppression at the model's end allowed, which was left out because it is the head's.
inline constexpr const char* kSuppressionKey = "halftone.suppression";

struct OnnxImportOptions {
  std::optional<Shape> input_shape;           // of the only input
  std::map<std::string, Shape> input_shapes;  // by the input's name
  int64_t max_bytes = int64_t{4} << 30;       // of the file, and of all constants together
  const std::atomic<bool>* cancelled = nullptr;  // as in Context
};

// Static shapes throughout: dimensions that the model leaves open come from the options, a batch that it leaves open is 1.
// What can be computed from constants has been computed; QuantizeLinear and DequantizeLinear have become types where possible
// (ir/conversions.h) and Convert nodes where not; half and double precision have become single precision. Nodes that no
// output needs are gone. Fails with kUnsupported and the list of all nodes that have an unknown operator.
Result<Graph> import_onnx(const std::filesystem::path& path, const OnnxImportOptions& options = {});
// The same from memory. External data are looked for in the folder; with an empty folder they are refused.
Result<Graph> import_onnx_bytes(std::span<const uint8_t> bytes, const std::filesystem::path& folder = {},
                                const OnnxImportOptions& options = {});

struct OnnxDimension {
  std::optional<int64_t> size;  // none where the model leaves it open
  std::string parameter;        // the name that the model gives an open dimension; may be empty
};

struct OnnxPort {
  std::string name;
  std::optional<DType> dtype;  // none where Halftone has no such type; half and double precision count as f32
  std::optional<std::vector<OnnxDimension>> dimensions;
};

struct OnnxUnsupported {
  std::string op, domain, node;
};

// What a file says about itself, for files that cannot be imported too.
struct OnnxModelInfo {
  int64_t ir_version = 0;
  std::map<std::string, int64_t> opsets;  // by domain; ONNX's own is ""
  std::string producer, producer_version, graph_name;
  std::map<std::string, std::string> metadata;
  std::vector<OnnxPort> inputs, outputs;  // without inputs that are initializers
  std::vector<OnnxUnsupported> unsupported;
};
Result<OnnxModelInfo> read_onnx_info(const std::filesystem::path& path);

}  // namespace ht
