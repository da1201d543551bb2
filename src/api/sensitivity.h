// SPDX-License-Identifier: Apache-2.0
// How much the heads suffer from layers in integers, of whatever bits.
#pragma once

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
  // Layers of which this one, whose weights are rounded to the nearest, makes the same as `plain` get the constants that they have in
  // `rounded`: what another request does not change stays as it is.
  void take_weights(const QuantizedVariant& rounded, const QuantizedVariant& plain);
};

// Measures trials of a model under a recipe, each once: what is kept in the folder is not measured again.
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
  // Weights are rounded to the nearest, as measuring how to round them takes long.
  Result<QuantizedVariant> quantize_plainly(const QuantizeRequest& request) const { return quantize_plainly(request, statistics_); }
  Result<QuantizedVariant> quantize_plainly(const QuantizeRequest& request, const Statistics& statistics) const;
  // Weights are rounded as [quantize] asks for.
  Result<QuantizedVariant> quantize(const QuantizeRequest& request) const;
  // The error of the heads in each trial: squared, in units of each head's mean square, summed over them and averaged over the photos.
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

  const halftone::Model& model_;
  const Statistics& statistics_;
  const Context& context_;
  Measurements store_;
  QuantizeRequest request_;
  MeasureMoments measure_moments_;  // none where weights are rounded to the nearest
  std::string origin_;
  std::vector<std::string> heads_;
  std::vector<TrialPhoto> photos_;
  bool held_out_ = false;
  int64_t samples_ = 0;
  std::unique_ptr<TrialBench> bench_;
};

}  // namespace ht
