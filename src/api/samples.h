// SPDX-License-Identifier: Apache-2.0
// What a network is run on: photos, rows of arrays, or files of arrays.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/photo_input.h"
#include "halftone/model.h"

namespace ht {

struct Sample {
  std::vector<Tensor> inputs;  // in the graph's order
  std::string hash;            // SHA-256 of the file, or of the arrays' rows
};

// Gives samples by their index; from any thread.
class SampleSource {
 public:
  virtual ~SampleSource() = default;
  virtual Result<Sample> read(int64_t index) const = 0;
  virtual Result<std::string> hash(int64_t index) const = 0;
};

// The files of arrays that a section names in either of its ways; none: it names photos, or files with a sample each.
std::vector<std::string> arrays_named(const std::string& images, const std::vector<std::string>& arrays);

class Samples {
 public:
  static Result<Samples> of_photos(const Graph& graph, const halftone::Preprocess& preprocess, std::vector<std::filesystem::path> files);
  // .npy files, one an input, or one .npz; their first axis counts samples.
  static Result<Samples> of_arrays(const Graph& graph, const std::vector<std::string>& files);
  // Each file is a sample: .npy for a network with one input, .npz with an array an input.
  static Samples of_files(const Graph& graph, std::vector<std::filesystem::path> files);
  // Photos where there is `preprocess`, else files of arrays.
  static Result<Samples> of_paths(const Graph& graph, const std::optional<halftone::Preprocess>& preprocess,
                                  std::vector<std::filesystem::path> files);
  // What a section of the recipe names.
  static Result<Samples> open(const Graph& graph, const std::optional<halftone::Preprocess>& preprocess, const std::string& images,
                              const std::vector<std::string>& arrays);

  const std::vector<std::string>& names() const { return names_; }
  int64_t size() const { return static_cast<int64_t>(names_.size()); }
  void keep_first(int64_t count);
  Result<Sample> read(int64_t index) const { return source_->read(index); }
  Result<std::string> hash(int64_t index) const { return source_->hash(index); }

 private:
  std::vector<std::string> names_;
  std::shared_ptr<const SampleSource> source_;
};

// Calls task(index, lane) for every index below count, each lane on one thread at a time, reports progress, and gives the
// failure of the least index. Stops early when cancelled.
Status for_each_sample(const Context& context, std::string_view stage, int64_t count, int lanes,
                       const std::function<Status(int64_t index, int lane)>& task);

}  // namespace ht
