// SPDX-License-Identifier: Apache-2.0
// What a network is run on: photos, or rows of arrays.
#pragma once

#include <filesystem>
#include <functional>
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

class Samples {
 public:
  static Result<Samples> of_photos(const Graph& graph, const halftone::Preprocess& preprocess, std::vector<std::filesystem::path> files);
  static Result<Samples> of_arrays(const Graph& graph, const std::vector<std::string>& files);
  // What a section of the recipe names; photos need `preprocess`.
  static Result<Samples> open(const Graph& graph, const std::optional<halftone::Preprocess>& preprocess, const std::string& images,
                              const std::vector<std::string>& arrays);

  const std::vector<std::string>& names() const { return names_; }
  int64_t size() const { return static_cast<int64_t>(names_.size()); }
  void keep_first(int64_t count);
  Result<Sample> read(int64_t index) const;
  Result<std::string> hash(int64_t index) const;

 private:
  std::span<const uint8_t> row(size_t array, int64_t index) const;

  std::vector<std::string> names_;
  std::optional<PhotoInput> photos_;
  std::vector<halftone::Tensor> arrays_;  // one an input
  std::vector<TensorType> types_;         // of the inputs
};

// Calls task(index, lane) for every index below count, each lane on one thread at a time, reports progress, and gives the
// failure of the least index. Stops early when cancelled.
Status for_each_sample(const Context& context, std::string_view stage, int64_t count, int lanes,
                       const std::function<Status(int64_t index, int lane)>& task);

}  // namespace ht
