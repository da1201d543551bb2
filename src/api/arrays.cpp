// SPDX-License-Identifier: Apache-2.0
#include "api/arrays.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "api/content.h"
#include "api/npy.h"
#include "api/tensor.h"
#include "api/zip.h"
#include "base/file.h"

namespace ht {
namespace {

constexpr std::string_view kNpy = ".npy", kNpz = ".npz";

std::string without_ending(const std::string& name) { return name.ends_with(kNpy) ? name.substr(0, name.size() - kNpy.size()) : name; }

Result<std::vector<halftone::Tensor>> read_archive(const std::filesystem::path& path, const std::vector<std::string>& wanted, int64_t max_bytes) {
  HT_ASSIGN(std::vector<uint8_t> bytes, read_file(path));
  HT_ASSIGN(const ZipArchive archive, ZipArchive::open(std::move(bytes)));
  std::vector<halftone::Tensor> arrays;
  uint64_t left = static_cast<uint64_t>(max_bytes);
  for (const ZipArchive::Member& member : archive.members()) {
    const std::string name = without_ending(member.name);
    if (!wanted.empty() && std::ranges::find(wanted, name) == wanted.end()) continue;
    HT_ASSIGN(const std::vector<uint8_t> file, archive.read(member, left));
    left -= file.size();
    auto array = parse_npy(file);
    if (!array) return std::move(array.error()).in(member.name);
    array->name = name;
    arrays.push_back(*std::move(array));
  }
  return arrays;
}

std::vector<std::string> names_of(const Graph& graph, const std::vector<ValueId>& values) {
  std::vector<std::string> names;
  for (ValueId id : values) names.push_back(graph.value(id).name);
  return names;
}

Result<Tensor> element_type_of(const halftone::Tensor& array, const Value& input) {
  HT_ASSIGN(Tensor stored, to_internal(array));
  if (input.type.is_quantized() && is_float(stored.dtype())) return convert_elements(stored, DType::kFloat32);  // the real numbers
  auto tensor = convert_elements(stored, input.type.dtype);
  if (!tensor) return std::move(tensor.error()).in("for the model's input " + input.name);
  return tensor;
}

Result<std::vector<Tensor>> outputs_from(const Graph& graph, const std::string& file) {
  HT_ASSIGN(const auto arrays, read_arrays(file, names_of(graph, graph.outputs)));
  std::vector<Tensor> tensors;
  for (ValueId id : graph.outputs) {
    const Value& output = graph.value(id);
    const auto found = std::ranges::find(arrays, output.name, &halftone::Tensor::name);
    if (found == arrays.end()) return input_error("has no array named as the model's output {}", output.name);
    if (found->shape != output.type.shape)
      return input_error("is {}, but the model's output {} is {}", shape_text(found->shape), output.name, shape_text(output.type.shape));
    HT_ASSIGN(const Tensor stored, to_internal(*found));
    HT_ASSIGN(Tensor tensor, convert_elements(stored, output.type.dtype));
    tensors.push_back(std::move(tensor));
  }
  return tensors;
}

// The largest magnitude that a float type holds.
double largest(DType dtype) {
  if (dtype == DType::kFloat16) return 65504;
  return dtype == DType::kFloat32 ? double{std::numeric_limits<float>::max()} : std::numeric_limits<double>::max();
}

Result<Tensor> to_float_type(const Tensor& tensor, DType wanted) {
  const std::vector<double> numbers = tensor.to_doubles();
  Tensor result = Tensor::zeros(wanted, tensor.shape());
  for (size_t i = 0; i < numbers.size(); ++i) {
    const double x = numbers[i];
    if (std::isfinite(x) && std::abs(x) > largest(wanted)) return input_error("holds {}, which is beyond {}", x, dtype_name(wanted));
    switch (dtype_size(wanted)) {
      case 2: result.mutable_data<uint16_t>()[i] = float_to_half(static_cast<float>(x)); break;
      case 4: result.mutable_data<float>()[i] = static_cast<float>(x); break;
      default: result.mutable_data<double>()[i] = x;
    }
  }
  return result;
}

Result<Tensor> to_integer_type(const Tensor& tensor, DType wanted) {
  if (is_float(tensor.dtype()))
    return input_error("holds {}, but {} is wanted; store integers, so that their rounding is yours", dtype_name(tensor.dtype()), dtype_name(wanted));
  const IntegerRange range = wanted == DType::kBool ? IntegerRange{0, 1} : integer_range(wanted);
  const std::vector<int64_t> numbers = tensor.to_int64s();
  Tensor result = Tensor::zeros(wanted, tensor.shape());
  const auto size = static_cast<size_t>(dtype_size(wanted));
  for (size_t i = 0; i < numbers.size(); ++i) {
    if (numbers[i] < range.min || numbers[i] > range.max)
      return input_error("holds {}, which is beyond {}", numbers[i], dtype_name(wanted));
    std::memcpy(result.mutable_data<uint8_t>().data() + i * size, &numbers[i], size);  // little endian: the low bytes
  }
  return result;
}

struct NamedArray {
  halftone::Tensor array;  // with the name of its input; without one where it could be any of several
  std::string file;
};

// The arrays of files that are each "NAME=X.npy", or "X.npy" for the only input, or "X.npz".
Result<std::vector<NamedArray>> read_named_arrays(std::span<const std::string> files, const std::vector<std::string>& inputs) {
  std::vector<NamedArray> result;
  for (const std::string& text : files) {
    const size_t equals = text.find('=');
    const std::string name = equals == std::string::npos ? "" : text.substr(0, equals);
    const std::string file = equals == std::string::npos ? text : text.substr(equals + 1);
    std::vector<std::string> wanted;
    if (!name.empty()) wanted = {name};
    else if (inputs.size() > 1) wanted = inputs;
    auto arrays = read_arrays(file, wanted);
    if (!arrays) return in_file(std::move(arrays.error()), file);
    if (arrays->empty()) return input_error("has no array named as an input of the model").in(file);
    for (halftone::Tensor& array : *arrays) {
      if (!name.empty()) array.name = name;
      else if (inputs.size() == 1 && arrays->size() == 1) array.name = inputs[0];
      result.push_back({std::move(array), file});
    }
  }
  return result;
}

}  // namespace

Result<std::vector<halftone::Tensor>> read_arrays(const std::filesystem::path& path, const std::vector<std::string>& wanted, int64_t max_bytes) {
  if (ending_of(path) == kNpz) return read_archive(path, wanted, max_bytes);
  HT_ASSIGN(const std::vector<uint8_t> bytes, read_file(path));
  HT_ASSIGN(halftone::Tensor array, parse_npy(bytes));
  return std::vector<halftone::Tensor>{std::move(array)};
}

Result<std::vector<Tensor>> read_input_file(const Graph& graph, const std::string& file) {
  const bool single = graph.inputs.size() == 1;
  if (!single && !file.ends_with(kNpz)) return input_error("holds one array, but the model has {} inputs; give a .npz with one for each", graph.inputs.size());
  // With one input, the only array is taken, whatever name numpy.savez gave it.
  HT_ASSIGN(const auto arrays, read_arrays(file, single ? std::vector<std::string>() : names_of(graph, graph.inputs)));
  std::vector<Tensor> tensors;
  for (ValueId id : graph.inputs) {
    const Value& input = graph.value(id);
    auto found = std::ranges::find(arrays, input.name, &halftone::Tensor::name);
    if (found == arrays.end() && single && arrays.size() == 1) found = arrays.begin();
    if (found == arrays.end()) return input_error("has no array named as the model's input {}", input.name);
    HT_ASSIGN(Tensor tensor, element_type_of(*found, input));
    tensors.push_back(std::move(tensor));
  }
  return tensors;
}

Result<const halftone::Tensor*> given_for(const Graph& graph, ValueId input, std::span<const halftone::Tensor> given) {
  const std::string& name = graph.value(input).name;
  auto found = std::ranges::find(given, name, &halftone::Tensor::name);
  if (found == given.end() && given.size() == 1 && given[0].name.empty()) found = given.begin();
  if (found == given.end()) return usage_error("the model's input '{}' was not given", name);
  return &*found;
}

Result<std::vector<Tensor>> read_output_file(const Graph& graph, const std::string& file) {
  auto outputs = outputs_from(graph, file);
  if (!outputs) return in_file(std::move(outputs.error()), file);
  return outputs;
}

Error in_file(Error error, const std::string& file) { return error.place.starts_with(file) ? error : std::move(error).in(file); }

Result<Tensor> convert_elements(const Tensor& tensor, DType wanted) {
  if (tensor.dtype() == wanted) return tensor;
  return is_float(wanted) ? to_float_type(tensor, wanted) : to_integer_type(tensor, wanted);
}

Result<std::map<std::string, Shape>> open_shapes(const std::vector<OnnxPort>& inputs, std::span<const std::string> files) {
  const auto is_open = [](const OnnxPort& port) {
    return !port.dimensions || std::ranges::any_of(*port.dimensions, [](const OnnxDimension& dimension) { return !dimension.size; });
  };
  std::map<std::string, Shape> shapes;
  if (std::ranges::none_of(inputs, is_open)) return shapes;
  std::vector<std::string> names;
  for (const OnnxPort& port : inputs) names.push_back(port.name);
  HT_ASSIGN(const auto arrays, read_named_arrays(files, names));
  for (const auto& [array, file] : arrays) {
    const auto port = std::ranges::find(inputs, array.name, &OnnxPort::name);
    if (port != inputs.end() && is_open(*port)) shapes.emplace(array.name, array.shape);
  }
  return shapes;
}

}  // namespace ht

namespace halftone {

namespace {

// The array of that name as the input's numbers; an error where there is no such input or its shape is another.
Result<Tensor> as_input(const ht::Graph& graph, const Tensor& array, const std::string& file) {
  if (array.name.empty()) return ht::usage_error("the model has several inputs; say which one this is, as in NAME={}", file);
  const auto id = std::ranges::find_if(graph.inputs, [&](ht::ValueId input) { return graph.value(input).name == array.name; });
  if (id == graph.inputs.end()) return ht::usage_error("the model has no input '{}'", array.name).in(file);
  const ht::Value& input = graph.value(*id);
  auto converted = ht::element_type_of(array, input);
  if (!converted) return ht::in_file(std::move(converted.error()), file);
  const ht::Tensor tensor = *std::move(converted);
  if (tensor.shape() != input.type.shape)
    return ht::input_error("is {}, but the model's input {} is {}", ht::shape_text(tensor.shape()), input.name, ht::shape_text(input.type.shape)).in(file);
  return ht::to_public(input.name, tensor);
}

}  // namespace

Result<std::vector<Tensor>> read_inputs(const Model& model, std::span<const std::string> files) {
  const ht::Graph& graph = model.content().graph;
  HT_ASSIGN(const auto arrays, ht::read_named_arrays(files, ht::names_of(graph, graph.inputs)));
  std::vector<Tensor> inputs;
  for (const auto& [array, file] : arrays) {
    HT_ASSIGN(Tensor input, as_input(graph, array, file));
    if (std::ranges::find(inputs, input.name, &Tensor::name) != inputs.end()) return ht::usage_error("the model's input '{}' is given twice", input.name);
    inputs.push_back(std::move(input));
  }
  return inputs;
}

}  // namespace halftone
