// SPDX-License-Identifier: Apache-2.0
// An ONNX model as plain structs; protobuf ends here.
#pragma once

#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "import/onnx/import.h"
#include "ir/op.h"
#include "ir/tensor.h"

namespace ht {

struct OnnxAttribute {
  std::string name;
  // An error stands for a value that cannot be read: a graph, a list of strings, a damaged tensor.
  std::variant<Error, int64_t, float, std::string, Ints, Floats, Tensor> value;
};

struct OnnxNode {
  std::string name;  // unique and not empty
  std::string op_type, domain;
  std::vector<std::string> inputs, outputs;  // an empty name: not there
  std::vector<OnnxAttribute> attributes;
};

struct OnnxModel {
  OnnxModelInfo info;                                  // unsupported is left empty
  std::vector<OnnxNode> nodes;                         // as the file has them
  std::map<std::string, Result<Tensor>> initializers;  // damaged ones are errors, for whoever reads them
};

Result<OnnxModel> decode_onnx_model(std::span<const uint8_t> bytes, const std::filesystem::path& folder, int64_t max_bytes);

// Keeps the nodes that the outputs need, in an order in which they can run that is as near to the file's as possible. Fails
// where a value is made twice or by nobody, or nodes form a cycle.
Status sort_needed_nodes(OnnxModel& model);

}  // namespace ht
