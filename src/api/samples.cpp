// SPDX-License-Identifier: Apache-2.0
#include "api/samples.h"

#include <mutex>

#include "base/file.h"
#include "base/thread_pool.h"
#include "image/decode.h"
#include "image/list.h"

namespace ht {

Result<Samples> Samples::of_photos(const Graph& graph, const halftone::Preprocess& preprocess, std::vector<std::filesystem::path> files) {
  Samples samples;
  HT_ASSIGN(samples.photos_, PhotoInput::make(graph, preprocess));
  for (const auto& file : files) samples.names_.push_back(file.string());
  return samples;
}

Result<Samples> Samples::of_arrays(const Graph& graph, const std::vector<std::string>& files) {
  Samples samples;
  for (const std::string& file : files) {
    if (file.ends_with(".npz")) return unsupported("archives are not read yet; save each array as .npy and list them, one an input").in(file);
  }
  if (files.size() != graph.inputs.size())
    return input_error("the model has {} inputs, but 'images' lists {} arrays", graph.inputs.size(), files.size());
  int64_t count = 0;
  for (size_t i = 0; i < files.size(); ++i) {
    HT_ASSIGN(halftone::Tensor array, halftone::read_npy(files[i]));
    const Value& input = graph.value(graph.inputs[i]);
    const TensorType type = {input.type.is_quantized() && array.type == "f32" ? DType::kFloat32 : input.type.dtype, input.type.shape, std::nullopt};
    if (array.type != dtype_name(type.dtype))
      return input_error("holds {}, but the model's input {} is {}", array.type, input.name, dtype_name(input.type.dtype)).in(files[i]);
    if (array.shape.empty() || array.shape[0] < 1) return input_error("has no first axis of samples").in(files[i]);
    const int64_t elements = element_count(array.shape) / array.shape[0];
    if (elements != element_count(input.type.shape))
      return input_error("has {} elements a sample, but the model's input {} is {}", elements, input.name, shape_text(input.type.shape)).in(files[i]);
    if (i > 0 && array.shape[0] != count) return input_error("has {} samples, but the first array has {}", array.shape[0], count).in(files[i]);
    count = array.shape[0];
    samples.arrays_.push_back(std::move(array));
    samples.types_.push_back(type);
  }
  for (int64_t i = 0; i < count; ++i) samples.names_.push_back(std::to_string(i));
  return samples;
}

Result<Samples> Samples::open(const Graph& graph, const std::optional<halftone::Preprocess>& preprocess, const std::string& images,
                              const std::vector<std::string>& arrays) {
  if (!arrays.empty()) return of_arrays(graph, arrays);
  if (!preprocess) return input_error("photos need [preprocess] in the recipe; without it give arrays, such as images = [\"inputs.npy\"]");
  HT_ASSIGN(auto files, list_images(images));
  return of_photos(graph, *preprocess, std::move(files));
}

void Samples::keep_first(int64_t count) {
  if (count < size()) names_.resize(static_cast<size_t>(count));
}

std::span<const uint8_t> Samples::row(size_t array, int64_t index) const {
  const halftone::Tensor& tensor = arrays_[array];
  const size_t size = tensor.bytes.size() / static_cast<size_t>(tensor.shape[0]);
  return std::span(tensor.bytes).subspan(size * static_cast<size_t>(index), size);
}

Result<Sample> Samples::read(int64_t index) const {
  Sample sample;
  if (photos_) {
    HT_ASSIGN(const std::vector<uint8_t> bytes, read_file(names_[static_cast<size_t>(index)], DecodeLimits{}.max_file_bytes));
    HT_ASSIGN(const Image photo, decode_image(bytes));
    HT_ASSIGN(Tensor input, photos_->convert(photo));
    sample.inputs.push_back(std::move(input));
    sample.hash = sha256(bytes);
    return sample;
  }
  for (size_t i = 0; i < arrays_.size(); ++i) {
    const auto bytes = row(i, index);
    HT_ASSIGN(Tensor input, Tensor::make(types_[i].dtype, types_[i].shape, {bytes.begin(), bytes.end()}));
    sample.inputs.push_back(std::move(input));
  }
  HT_ASSIGN(sample.hash, hash(index));
  return sample;
}

Result<std::string> Samples::hash(int64_t index) const {
  Sha256 all;
  if (photos_) {
    HT_ASSIGN(const std::vector<uint8_t> bytes, read_file(names_[static_cast<size_t>(index)], DecodeLimits{}.max_file_bytes));
    all.update(bytes);
  }
  for (size_t i = 0; i < arrays_.size(); ++i) all.update(row(i, index));
  return all.hex();
}

Status for_each_sample(const Context& context, std::string_view stage, int64_t count, int lanes,
                       const std::function<Status(int64_t index, int lane)>& task) {
  std::mutex mutex;
  int64_t done = 0, failed = count;
  std::optional<Error> failure;
  ThreadPool pool(lanes);
  pool.parallel_for(count, [&](int64_t index, int lane) {
    {
      const std::lock_guard lock(mutex);
      if (context.is_cancelled() || index > failed) return;
    }
    auto status = task(index, lane);
    const std::lock_guard lock(mutex);
    if (!status && index < failed) {
      failed = index;
      failure = std::move(status.error());
    }
    context.progress(stage, ++done, count);
  });
  if (context.is_cancelled()) return interrupted();
  if (failure) return *std::move(failure);
  return {};
}

}  // namespace ht
