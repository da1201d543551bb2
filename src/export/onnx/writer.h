// SPDX-License-Identifier: Apache-2.0
// The file while it is written. Protobuf's types stay behind this header's functions.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "ir/graph.h"

namespace onnx {
class GraphProto;
class ModelProto;
class NodeProto;
}  // namespace onnx

namespace ht {

// Adds attributes to a node of the file, in the order of the calls.
class Attributes {
 public:
  explicit Attributes(onnx::NodeProto& node) : node_(node) {}
  Attributes& integer(std::string_view name, int64_t value);
  Attributes& integers(std::string_view name, const Ints& values);
  Attributes& number(std::string_view name, float value);
  Attributes& text(std::string_view name, std::string_view value);

 private:
  onnx::NodeProto& node_;
};

// What QuantizeLinear and DequantizeLinear read: scales and zero points as tensors, one for all, one an index of an axis, or one for
// each element with blocks of elements along an axis; and what is multiplied after dequantizing.
struct FileParameters {
  Shape shape;
  std::vector<float> scales;
  std::vector<int32_t> zero_points;
  std::optional<int64_t> axis;
  int64_t block = 0;
  std::optional<Tensor> factor;
};
// kUnsupported for what ONNX cannot say.
Result<FileParameters> file_parameters(const Affine& affine, const Shape& shape);

class OnnxWriter {
 public:
  OnnxWriter(const Graph& graph, int64_t opset);
  ~OnnxWriter();
  OnnxWriter(const OnnxWriter&) = delete;
  OnnxWriter& operator=(const OnnxWriter&) = delete;

  const Graph& graph() const { return graph_; }
  int64_t opset() const { return opset_; }
  std::string fresh(const std::string& wish) { return names_.make(wish); }

  // An empty input is one that is not there.
  Attributes node(std::string_view op_type, const std::string& name, const std::vector<std::string>& inputs,
                  const std::string& output);
  Attributes node(std::string_view op_type, const std::string& name, const std::vector<std::string>& inputs,
                  const std::vector<std::string>& outputs);
  void initializer(const std::string& name, const Tensor& tensor);
  // The same under a name like the wish, which is returned.
  std::string constant(const std::string& wish, const Tensor& tensor);
  std::string constant_ints(const std::string& wish, const Ints& values);
  std::string constant_float(const std::string& wish, float value);

  // The name under which operators read the value's real numbers: behind a DequantizeLinear where it is quantized. Writes what
  // is needed for that on the first call.
  Result<std::string> read(ValueId id);
  // The name that a node must give the float numbers of the value that it makes, and what has to follow the node.
  std::string made_name(ValueId id);
  Status finish_made(ValueId id);
  // A Convert node.
  Status write_conversion(const Node& node);

  void inputs_and_outputs();
  // Writes a constant's elements, once; nothing where the value is none.
  void write_constant(ValueId id);
  Result<std::vector<uint8_t>> bytes(int64_t ir_version);

 private:
  struct Stored {  // how a quantized value stands in the file
    std::string integers, dequantized, float_name;
    std::string scale, zero_point;
  };
  Status quantize(ValueId id, const std::string& node_name, const std::string& input, const std::string& output);
  Status dequantize(ValueId id, const std::string& node_name, const std::string& output);
  Result<std::string> write_dequantized(ValueId id);
  onnx::GraphProto& proto();

  const Graph& graph_;
  int64_t opset_;
  FreshNames names_;
  std::unique_ptr<onnx::ModelProto> model_;
  std::unordered_map<ValueId, Stored> stored_;
  std::unordered_map<ValueId, bool> written_;  // constants
  std::vector<bool> is_output_;
  bool stores_float16_;
};

// The number that ONNX has for the type.
int32_t element_code(DType dtype);

// Writes the node's operator as one or more of ONNX's, except Convert.
Status write_node(OnnxWriter& writer, const Node& node);
void write_unary(OnnxWriter& writer, const Unary& unary, const std::string& name, const std::string& input,
                 const std::string& output, DType dtype);

}  // namespace ht
