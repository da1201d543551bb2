// SPDX-License-Identifier: Apache-2.0
#include "api/samples.h"

#include <mutex>

#include "base/file.h"
#include "base/thread_pool.h"
#include "image/decode.h"
#include "image/list.h"

namespace ht {
namespace {

class PhotoSource final : public SampleSource {
 public:
  PhotoSource(PhotoInput input, std::vector<std::filesystem::path> files) : input_(std::move(input)), files_(std::move(files)) {}

  Result<Sample> read(int64_t index) const override {
    HT_ASSIGN(const std::vector<uint8_t> bytes, bytes_of(index));
    HT_ASSIGN(const Image photo, decode_image(bytes));
    HT_ASSIGN(Tensor input, input_.convert(photo));
    Sample sample;
    sample.inputs.push_back(std::move(input));
    sample.hash = sha256(bytes);
    return sample;
  }

  Result<std::string> hash(int64_t index) const override {
    HT_ASSIGN(const std::vector<uint8_t> bytes, bytes_of(index));
    return sha256(bytes);
  }

 private:
  Result<std::vector<uint8_t>> bytes_of(int64_t index) const {
    return read_file(files_[static_cast<size_t>(index)], DecodeLimits{}.max_file_bytes);
  }

  PhotoInput input_;
  std::vector<std::filesystem::path> files_;
};

}  // namespace

std::vector<std::string> arrays_named(const std::string& images, const std::vector<std::string>& arrays) {
  std::error_code ignored;
  if (arrays.empty() && ends_so(images, kArrayEndings) && std::filesystem::exists(images, ignored)) return {images};
  return arrays;
}

Result<Samples> Samples::of_photos(const Graph& graph, const halftone::Preprocess& preprocess, std::vector<std::filesystem::path> files) {
  Samples samples;
  HT_ASSIGN(PhotoInput input, PhotoInput::make(graph, preprocess));
  for (const auto& file : files) samples.names_.push_back(file.string());
  samples.source_ = std::make_shared<PhotoSource>(std::move(input), std::move(files));
  return samples;
}

Result<Samples> Samples::of_paths(const Graph& graph, const std::optional<halftone::Preprocess>& preprocess,
                                  std::vector<std::filesystem::path> files) {
  if (preprocess) return of_photos(graph, *preprocess, std::move(files));
  return of_files(graph, std::move(files));
}

Result<Samples> Samples::open(const Graph& graph, const std::optional<halftone::Preprocess>& preprocess, const std::string& images,
                              const std::vector<std::string>& arrays) {
  if (const auto named = arrays_named(images, arrays); !named.empty()) return of_arrays(graph, named);
  if (preprocess) {
    HT_ASSIGN(auto photos, list_files(images, kPhotoEndings));
    return of_photos(graph, *preprocess, std::move(photos));
  }
  auto files = list_files(images, kArrayEndings);
  // Whoever has photos there misses something else.
  if (!files && list_files(images, kPhotoEndings))
    return input_error("photos need [preprocess] in the recipe; without it give arrays, such as images = [\"inputs.npy\"]").in(images);
  if (!files) return files.error();
  return of_files(graph, *std::move(files));
}

void Samples::keep_first(int64_t count) {
  if (count < size()) names_.resize(static_cast<size_t>(count));
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
