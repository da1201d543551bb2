// SPDX-License-Identifier: Apache-2.0
#include "api/remedies.h"

#include <algorithm>

#include "api/content.h"
#include "api/recipe.h"
#include "api/words.h"

namespace ht {
namespace {

using halftone::AnalyzedValue;
using halftone::LayerHarm;
using halftone::Remedy;

// A remedy helps that takes away so much of the network's error, and nearly as much as the best that has so much of its gain.
constexpr double kLeastGain = 0.02, kNearlyAll = 0.8;
// A spread of channels beyond which one scale for all drowns some of them, and a share of clipped elements that may matter.
constexpr double kWideSpread = 4, kManyClipped = 1e-4;
// A share of elements beyond all that calibration saw that asks for more photos.
constexpr double kManyUnseen = 1e-4;

struct Attempt {
  Remedy remedy;
  QuantizeRequest request;
};

class Attempts {
 public:
  Attempts(const QuantizeRequest& request, const LayerHarm& layer, const AnalyzedValue* value) : request_(request), layer_(layer), value_(value), match_(pattern_of(layer.name)) {}

  // From the one that costs least to the one that costs most.
  std::vector<Attempt> make() {
    const double weights = layer_.weights_error.value_or(0), inputs = layer_.inputs_error.value_or(0);
    const bool is_wide = value_ && value_->scales == 1 && value_->spread.value_or(0) > kWideSpread;
    if (!request_.layers.per_channel && (is_wide || layer_.weight_spread.value_or(0) > kWideSpread))
      rule({.match = match_, .per_channel = true}, "granularity = \"channel\"",
           fmt::format("give each channel a scale of its own: {}", is_wide ? spread_words("of its input", *value_->spread)
                                                                          : spread_words("of its weights", *layer_.weight_spread)));
    if (inputs >= weights && request_.layers.ranges != RangeMethod::kMse)
      rule({.match = match_, .ranges = RangeMethod::kMse}, "ranges = \"mse\"", "choose its input's range by the least squared error");
    if (inputs >= weights && value_ && value_->clipped > kManyClipped && request_.layers.ranges != RangeMethod::kMinMax)
      rule({.match = match_, .ranges = RangeMethod::kMinMax}, "ranges = \"minmax\"", fmt::format("clip nothing: {:.3g} % of its input's elements are clipped", 100 * value_->clipped));
    if (weights > inputs && layer_.weight_bits == 4)
      rule({.match = match_, .weights = 8}, "weights = 8", "give its weights 8 bits: rounding them to 4 makes most of its error");
    if (inputs >= weights && layer_.input_bits == 8)
      rule({.match = match_, .activations = 16}, "activations = 16", "read its input with 16 bits: rounding it to 8 makes most of its error");
    keep_float();
    return std::move(made_);
  }

 private:
  static std::string spread_words(std::string_view of, double spread) {
    return fmt::format("the largest channel {} is {:.3g} times as large as the middle one", of, spread);
  }

  void rule(const LayerRule& rule, std::string_view key, std::string words) {
    QuantizeRequest request = request_;
    request.rules.push_back(rule);
    made_.push_back({{layer_.name, std::move(words), fmt::format("[[quantize.layer]]\nmatch = {}\n{}", toml_text(match_), key)}, std::move(request)});
  }

  void keep_float() {
    QuantizeRequest request = request_;
    request.keep_float.push_back(match_);
    made_.push_back({{layer_.name, "leave it in float", fmt::format("keep_float = [{}]", toml_text(match_))}, std::move(request)});
  }

  const QuantizeRequest& request_;
  const LayerHarm& layer_;
  const AnalyzedValue* value_;
  std::string match_;
  std::vector<Attempt> made_;
};

void recommend(std::span<Remedy> remedies, double error) {
  const double best = std::ranges::min(remedies, {}, &Remedy::error).error;
  if (!(error - best > kLeastGain * error)) return;
  const auto chosen = std::ranges::find_if(remedies, [&](const Remedy& remedy) { return error - remedy.error >= kNearlyAll * (error - best); });
  chosen->recommended = true;
}

}  // namespace

Result<std::vector<Remedy>> try_remedies(Sensitivity& sensitivity, const Ailing& ailing, std::span<const LayerHarm> layers,
                                         std::span<const AnalyzedValue> values, const CalibrateOnAll& calibrate) {
  std::vector<Remedy> remedies;
  std::vector<QuantizedVariant> variants;
  std::vector<size_t> ends;
  std::optional<QuantizedVariant> on_all;
  for (const LayerHarm& layer : layers) {
    const auto found = layer.values.empty() ? values.end() : std::ranges::find(values, layer.values.front(), &AnalyzedValue::name);
    const AnalyzedValue* value = found == values.end() ? nullptr : &*found;
    if (sensitivity.held_out() && value && value->unseen > kManyUnseen) {
      if (!on_all) {
        HT_ASSIGN(const halftone::Statistics statistics, calibrate());
        HT_ASSIGN(on_all, sensitivity.quantize_plainly(ailing.request, statistics.content().statistics));
        on_all->take_weights(ailing.whole, ailing.plain);
      }
      variants.push_back(*on_all);
      remedies.push_back({layer.name,
                          fmt::format("calibrate with all {} photos, these among them: {:.2g} % of its input's elements are beyond all that calibration saw",
                                      sensitivity.samples(), 100 * value->unseen),
                          fmt::format("[calibration]\ncount = {}", sensitivity.samples())});
    }
    for (Attempt& attempt : Attempts(ailing.request, layer, value).make()) {
      HT_ASSIGN(QuantizedVariant variant, sensitivity.quantize_plainly(attempt.request));
      variant.take_weights(ailing.whole, ailing.plain);
      variants.push_back(std::move(variant));
      remedies.push_back(std::move(attempt.remedy));
    }
    ends.push_back(remedies.size());
  }
  std::vector<Trial> trials;
  for (const QuantizedVariant& variant : variants) trials.push_back(variant.trial());
  HT_ASSIGN(const std::vector<double> errors, sensitivity.errors(trials, "remedies"));
  for (size_t i = 0; i < errors.size(); ++i) remedies[i].error = errors[i];
  size_t first = 0;
  for (size_t end : ends) {
    recommend(std::span(remedies).subspan(first, end - first), ailing.error);
    first = end;
  }
  return remedies;
}

}  // namespace ht
