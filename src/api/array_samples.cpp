// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <iterator>

#include "api/arrays.h"
#include "api/samples.h"
#include "base/file.h"
#include "image/list.h"

namespace ht {
namespace {

// Whether a sample of that shape is the input: all of it, or all but a leading axis of one.
bool fits(const Shape& sample, const Shape& input) {
  return sample == input || (!input.empty() && input[0] == 1 && sample == Shape(input.begin() + 1, input.end()));
}

class RowSource final : public SampleSource {
 public:
  RowSource(std::vector<Tensor> arrays, std::vector<Shape> shapes) : arrays_(std::move(arrays)), shapes_(std::move(shapes)) {}

  Result<Sample> read(int64_t index) const override {
    Sample sample;
    for (size_t i = 0; i < arrays_.size(); ++i) {
      const auto bytes = row(i, index);
      HT_ASSIGN(Tensor input, Tensor::make(arrays_[i].dtype(), shapes_[i], {bytes.begin(), bytes.end()}));
      sample.inputs.push_back(std::move(input));
    }
    HT_ASSIGN(sample.hash, hash(index));
    return sample;
  }

  Result<std::string> hash(int64_t index) const override {
    Sha256 all;
    for (size_t i = 0; i < arrays_.size(); ++i) all.update(row(i, index));
    return all.hex();
  }

 private:
  std::span<const uint8_t> row(size_t array, int64_t index) const {
    const Tensor& tensor = arrays_[array];
    const size_t size = tensor.bytes().size() / static_cast<size_t>(tensor.shape()[0]);
    return tensor.bytes().subspan(size * static_cast<size_t>(index), size);
  }

  std::vector<Tensor> arrays_;  // one an input
  std::vector<Shape> shapes_;   // of the inputs
};

// A graph of nothing but inputs.
Graph inputs_alone(const Graph& graph) {
  Graph result;
  for (ValueId input : graph.inputs) result.inputs.push_back(result.add_value(graph.value(input)));
  return result;
}

class FileSource final : public SampleSource {
 public:
  FileSource(Graph inputs, std::vector<std::filesystem::path> files) : inputs_(std::move(inputs)), files_(std::move(files)) {}

  Result<Sample> read(int64_t index) const override {
    const std::string file = files_[static_cast<size_t>(index)].string();
    if (!ends_so(file, kArrayEndings))
      return input_error("is no array (.npy, .npz); photos need [preprocess] in the recipe");
    HT_ASSIGN(const auto arrays, read_input_file(inputs_, file));
    Sample sample;
    for (size_t i = 0; i < arrays.size(); ++i) {
      const Value& input = inputs_.value(inputs_.inputs[i]);
      if (!fits(arrays[i].shape(), input.type.shape))
        return input_error("is {}, but the model's input {} is {}", shape_text(arrays[i].shape()), input.name, shape_text(input.type.shape));
      sample.inputs.push_back(arrays[i].reshaped(input.type.shape));
    }
    HT_ASSIGN(sample.hash, hash(index));
    return sample;
  }

  Result<std::string> hash(int64_t index) const override {
    HT_ASSIGN(const std::vector<uint8_t> bytes, read_file(files_[static_cast<size_t>(index)]));
    return sha256(bytes);
  }

 private:
  Graph inputs_;
  std::vector<std::filesystem::path> files_;
};

// One array an input, from one archive or from as many files.
Result<std::vector<Tensor>> read_input_files(const Graph& graph, const std::vector<std::string>& files) {
  std::vector<Tensor> all;
  const bool one_each = files.size() == graph.inputs.size();
  if (!one_each && files.size() != 1)
    return input_error("the model has {} inputs, but {} arrays are named; give one .npy file an input, or one .npz", graph.inputs.size(), files.size());
  for (size_t i = 0; i < files.size(); ++i) {
    Graph input;
    if (one_each) input.inputs.push_back(input.add_value(graph.value(graph.inputs[i])));
    auto arrays = read_input_file(one_each ? input : graph, files[i]);
    if (!arrays) return in_file(std::move(arrays.error()), files[i]);
    std::ranges::move(*arrays, std::back_inserter(all));
  }
  return all;
}

}  // namespace

Result<Samples> Samples::of_arrays(const Graph& graph, const std::vector<std::string>& files) {
  HT_ASSIGN(std::vector<Tensor> arrays, read_input_files(graph, files));
  std::vector<Shape> shapes;
  for (size_t i = 0; i < arrays.size(); ++i) {
    const Value& input = graph.value(graph.inputs[i]);
    const std::string& file = files[std::min(i, files.size() - 1)];
    const Shape& shape = arrays[i].shape();
    if (shape.empty() || shape[0] < 1) return input_error("has no first axis of samples for the model's input {}", input.name).in(file);
    const Shape sample(shape.begin() + 1, shape.end());
    if (!fits(sample, input.type.shape))
      return input_error("has samples of {}, but the model's input {} is {}", shape_text(sample), input.name, shape_text(input.type.shape)).in(file);
    if (shape[0] != arrays[0].shape()[0]) return input_error("has {} samples, but the first array has {}", shape[0], arrays[0].shape()[0]).in(file);
    shapes.push_back(input.type.shape);
  }
  Samples samples;
  const int64_t count = arrays.empty() ? 0 : arrays[0].shape()[0];
  for (int64_t i = 0; i < count; ++i) samples.names_.push_back(std::to_string(i));
  samples.source_ = std::make_shared<RowSource>(std::move(arrays), std::move(shapes));
  return samples;
}

Samples Samples::of_files(const Graph& graph, std::vector<std::filesystem::path> files) {
  Samples samples;
  for (const auto& file : files) samples.names_.push_back(file.string());
  samples.source_ = std::make_shared<FileSource>(inputs_alone(graph), std::move(files));
  return samples;
}

}  // namespace ht
