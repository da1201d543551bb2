// SPDX-License-Identifier: Apache-2.0
#include "bundle_case.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <random>
#include <span>

#include "base/file.h"
#include "ops/convert/convert.h"
#include "ops/prepare.h"
#include "runtime/session.h"

namespace ht {
namespace {

Tensor random_tensor(const TensorType& type, std::mt19937_64& engine) {
  Tensor tensor = Tensor::zeros(type.dtype, type.shape);
  if (type.dtype == DType::kFloat32) {
    std::uniform_real_distribution<float> distribution(-3, 3);
    for (float& x : tensor.mutable_data<float>()) x = distribution(engine);
  } else {
    for (uint8_t& byte : tensor.mutable_data<uint8_t>()) byte = static_cast<uint8_t>(engine());
  }
  return tensor;
}

// The bytes of a graph's input or output as the bundle has them.
std::vector<uint8_t> port_bytes(const Buffer& buffer, const Tensor& value) {
  const bool is_quantized_there = value.dtype() == DType::kFloat32 && buffer.dtype != DType::kFloat32;
  const Tensor tensor = is_quantized_there ? quantize(value, buffer.dtype, *buffer.affine) : value;
  std::vector<uint8_t> bytes = to_layout(tensor, buffer.layout);
  if (buffer.is_unsigned && !is_quantized_there) flip_signs(buffer.dtype, bytes);
  return bytes;
}

bool has_numbers(const Tensor& tensor) {
  if (tensor.dtype() != DType::kFloat32) return true;
  return std::ranges::none_of(tensor.data<float>(), [](float x) { return std::isnan(x); });
}

}  // namespace

Result<BundleCase> make_bundle_case(const Graph& graph, const Cpu& cpu, uint64_t seed, int count) {
  HT_ASSIGN(Plan plan, make_plan(graph));
  Session session(Placement::make(std::make_shared<const Plan>(plan), Isa::kC), 1);
  BundleCase result;
  HT_ASSIGN(result.design, design_bundle(std::move(plan), {"net", "a random network", "0", &cpu}));
  std::mt19937_64 engine(seed);
  std::vector<TestVector> vectors;
  for (int i = 0; i < count; ++i) {
    std::vector<Tensor> inputs;
    TestVector vector;
    for (size_t k = 0; k < graph.inputs.size(); ++k) {
      inputs.push_back(random_tensor(graph.value(graph.inputs[k]).type, engine));
      vector.inputs.push_back(port_bytes(result.design.plan.buffer(result.design.inputs[k].buffer), inputs.back()));
    }
    HT_ASSIGN(const std::vector<Tensor> outputs, session.run(inputs));
    for (size_t k = 0; k < outputs.size(); ++k) {
      result.has_numbers = result.has_numbers && has_numbers(outputs[k]);
      vector.outputs.push_back(port_bytes(result.design.plan.buffer(result.design.outputs[k].buffer), outputs[k]));
    }
    vectors.push_back(std::move(vector));
  }
  result.files = bundle_files(result.design, vectors, {});
  return result;
}

void write_bundle(const BundleCase& bundle, const std::filesystem::path& folder) {
  for (const BundleFile& file : bundle.files) {
    std::filesystem::create_directories((folder / file.path).parent_path());
    (void)write_file(folder / file.path, file.text);
  }
}

}  // namespace ht
