// SPDX-License-Identifier: Apache-2.0
// How much the heads suffer from layers in integers, of whatever bits.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "api/measurements.h"
#include "api/trials.h"
#include "halftone/operations.h"
#include "quantize/quantize.h"

namespace ht {

// A quantized graph, and what it makes of each layer of the float one.
struct QuantizedVariant {
  QuantizedGraph quantized;
  std::vector<IntegerLayer> layers;  // in the float graph's order
  const IntegerLayer* find(const std::string& node) const;  // null: it is float
  Trial trial() const;                                      // all layers together
};

// Measures configurations of a model under a recipe, each once: what is kept in the folder is not measured again.
class Sensitivity {
 public:
  struct Options {
    std::filesystem::path folder;  // of measurements; empty: none are kept
    int64_t photos = 16;           // to measure on, at most
    bool skip_bad = false;
  };
  // The recipe has [calibration]. `statistics` are the model's under it. All references must outlive it.
  static Result<std::unique_ptr<Sensitivity>> open(const halftone::Model& model, const halftone::Recipe& recipe, const Statistics& statistics,
                                                   const Options& options, const Context& context);

  // What [quantize] asks for, where nothing is spared for accuracy.
  const QuantizeRequest& request() const { return request_; }
  Result<QuantizedVariant> quantize(const QuantizeRequest& request) const { return quantize(request, statistics_); }
  Result<QuantizedVariant> quantize(const QuantizeRequest& request, const Statistics& statistics) const;
  // Products that can compute in integers, in the graph's order.
  const std::vector<std::string>& layers() const { return layers_; }
  // The error of the heads with these layers so and all others in float: squared, in units of each head's mean square, summed over them and
  // averaged over the photos. Each part has the grids that it has where all layers have its bits (those of the recipe, for a part that is
  // float); a value that several layers read has the most bits that one of them wants.
  Result<std::vector<double>> errors(std::span<const Configuration> configurations, std::string_view stage = "measure");
  // The same of trials.
  Result<std::vector<double>> errors(std::span<const Trial> trials, std::string_view stage = "measure");

  const std::vector<std::string>& heads() const { return heads_; }
  const std::vector<TrialPhoto>& photos() const { return photos_; }
  bool held_out() const { return held_out_; }  // the ranges have not seen the photos: they stand behind the recipe's count
  int64_t samples() const { return samples_; }  // that [calibration] names, whatever the count
  Measurements& store() { return store_; }
  // All that the float network's values depend on but the photos.
  const std::string& origin() const { return origin_; }

 private:
  Sensitivity(const halftone::Model& model, const Statistics& statistics, const Options& options, const Context& context);
  Result<const QuantizedVariant*> variant(LayerBits bits);

  const halftone::Model& model_;
  const Statistics& statistics_;
  const Context& context_;
  Measurements store_;
  QuantizeRequest request_;
  std::string origin_;
  std::vector<std::string> layers_, heads_;
  std::vector<TrialPhoto> photos_;
  bool held_out_ = false;
  int64_t samples_ = 0;
  std::unique_ptr<TrialBench> bench_;
  std::map<LayerBits, QuantizedVariant> variants_;
};

}  // namespace ht
