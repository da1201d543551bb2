// SPDX-License-Identifier: Apache-2.0
// An ONNX model as plain structs; protobuf ends here.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "import/onnx/import.h"
#include "ir/op.h"
#include "ir/tensor.h"

namespace ht {

struct OnnxSubgraph;

struct OnnxAttribute {
  std::string name;
  // An error stands for a value that cannot be read: a list of strings, a damaged tensor.
  std::variant<Error, int64_t, float, std::string, Ints, Floats, Tensor, std::shared_ptr<const OnnxSubgraph>> value;
  std::string refers_to;  // inside of a function: the attribute of the calling node that is meant
};

struct OnnxNode {
  std::string name;  // unique and not empty
  std::string op_type, domain;
  std::vector<std::string> inputs, outputs;  // an empty name: not there
  std::vector<OnnxAttribute> attributes;
};

// A graph in an attribute. It may read values of the graphs around it.
struct OnnxSubgraph {
  std::vector<OnnxNode> nodes;
  std::map<std::string, Result<Tensor>> initializers;
  std::vector<std::string> inputs, outputs;
};

// An operator that the file itself defines.
struct OnnxFunction {
  std::string name, domain;
  int64_t opset = 0;  // of ONNX's own operators; 0 where it says none
  std::vector<std::string> inputs, outputs;
  std::vector<OnnxNode> nodes;
};

struct OnnxModel {
  OnnxModelInfo info;                                  // unsupported is left empty
  std::vector<OnnxNode> nodes;                         // as the file has them
  std::map<std::string, Result<Tensor>> initializers;  // damaged ones are errors, for whoever reads them
  std::vector<OnnxFunction> functions;
};

Result<OnnxModel> decode_onnx_model(std::span<const uint8_t> bytes, const std::filesystem::path& folder, int64_t max_bytes);

// Keeps the nodes that the outputs need, in an order in which they can run that is as near to the file's as possible. Fails
// where a value is made twice or by nobody, or nodes form a cycle.
Status sort_needed_nodes(OnnxModel& model);

}  // namespace ht
