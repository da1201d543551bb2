// SPDX-License-Identifier: Apache-2.0
#include "api/analyze_values.h"

#include <algorithm>
#include <map>

#include "api/grid.h"
#include "api/samples.h"

namespace ht {
namespace {

using halftone::AnalyzedValue;

constexpr size_t kBins = 32;

struct Bounds {
  float low, high;
  bool holds(float x) const { return x >= low && x <= high; }
};

// Counts elements of one value beyond its bounds, which are one pair or one a channel.
struct Watched {
  std::vector<Bounds> grid, seen;
  int64_t clipped = 0, unseen = 0, count = 0;

  void look(const Buffer& buffer, std::span<const float> data) {
    size_t inner = 1;
    if (buffer.layout != Layout::kChannelsLast)
      for (size_t axis = 2; axis < buffer.shape.size(); ++axis) inner *= static_cast<size_t>(buffer.shape[axis]);
    for (size_t i = 0; i < data.size(); ++i) {
      const size_t channel = i / inner;
      clipped += grid[channel % grid.size()].holds(data[i]) ? 0 : 1;
      unseen += seen[channel % seen.size()].holds(data[i]) ? 0 : 1;
    }
    count += static_cast<int64_t>(data.size());
  }
};

Watched watch(const TensorType& type, const ValueStatistics& statistics) {
  Watched watched;
  const Grid grid(type);
  for (size_t c = 0; c < grid.channels(); ++c) {
    const auto [low, high] = grid.reach(c);
    watched.grid.push_back({low, high});
  }
  const auto& channels = statistics.channel_extremes();
  if (channels.size() == watched.grid.size())
    for (const Extremes& extremes : channels) watched.seen.push_back({extremes.min, extremes.max});
  else
    watched.seen.push_back({statistics.extremes().min, statistics.extremes().max});
  return watched;
}

halftone::ValueHistogram compact(const Histogram& histogram) {
  halftone::ValueHistogram made;
  const std::vector<Histogram::Bin> bins = histogram.bins();
  if (bins.empty()) return made;
  made.min = bins.front().low;
  made.max = bins.back().high;
  made.counts.resize(kBins);
  const double width = (made.max - made.min) / kBins;
  for (const Histogram::Bin& bin : bins) made.counts[std::min(kBins - 1, static_cast<size_t>((bin.center() - made.min) / width))] += bin.count;
  return made;
}

AnalyzedValue describe(const std::string& name, const TensorType& type, const ValueStatistics& statistics, const Watched& watched) {
  AnalyzedValue value;
  value.name = name;
  value.type = dtype_name(type.dtype);
  value.scales = static_cast<int64_t>(watched.grid.size());
  value.min = std::ranges::min(watched.grid, {}, &Bounds::low).low;
  value.max = std::ranges::max(watched.grid, {}, &Bounds::high).high;
  value.observed_min = statistics.extremes().min;
  value.observed_max = statistics.extremes().max;
  value.clipped = static_cast<double>(watched.clipped) / static_cast<double>(std::max<int64_t>(1, watched.count));
  value.unseen = static_cast<double>(watched.unseen) / static_cast<double>(std::max<int64_t>(1, watched.count));
  value.channels = statistics.channels();
  std::vector<double> magnitudes;
  for (size_t c = 0; c < statistics.channel_extremes().size(); ++c) {
    const Extremes& extremes = statistics.channel_extremes()[c];
    if (extremes.min == extremes.max) value.dead_channels.push_back(static_cast<int64_t>(c));
    magnitudes.push_back(extremes.magnitude());
  }
  value.spread = spread_of(magnitudes);
  value.histogram = compact(statistics.histogram());
  return value;
}

}  // namespace

std::optional<double> spread_of(std::vector<double> magnitudes) {
  std::erase_if(magnitudes, [](double magnitude) { return magnitude <= 0; });
  if (magnitudes.size() < 2) return std::nullopt;
  std::ranges::sort(magnitudes);
  return magnitudes.back() / magnitudes[magnitudes.size() / 2];
}

Result<std::vector<AnalyzedValue>> analyze_values(const Graph& graph, const QuantizedVariant& variant, const Statistics& statistics,
                                                  std::span<const TrialPhoto> photos, const Context& context) {
  std::map<std::string, TensorType> types;
  for (const IntegerLayer& layer : variant.layers) types.insert(layer.grids.begin(), layer.grids.end());
  std::map<std::string, Watched> watched;
  for (const auto& [name, type] : types)
    if (const auto found = statistics.values.find(name); found != statistics.values.end()) watched.emplace(name, watch(type, found->second));
  HT_ASSIGN(const auto network, Network::make(graph, false, context.isa, 1));
  Runner runner(*network);
  runner.session().set_observer([&](const Buffer& buffer, std::span<uint8_t> bytes) {
    const auto found = watched.find(buffer.name);
    if (found != watched.end() && buffer.dtype == DType::kFloat32)
      found->second.look(buffer, {reinterpret_cast<const float*>(bytes.data()), bytes.size() / sizeof(float)});
  });
  HT_TRY(for_each_sample(context, "values", static_cast<int64_t>(photos.size()), 1, [&](int64_t index, int) -> Status {
    const auto outputs = runner.run(photos[static_cast<size_t>(index)].inputs);
    return outputs ? Status() : Status(outputs.error());
  }));
  std::vector<AnalyzedValue> values;
  for (const Value& value : graph.values)
    if (const auto found = watched.find(value.name); found != watched.end())
      values.push_back(describe(value.name, types.at(value.name), statistics.values.at(value.name), found->second));
  return values;
}

}  // namespace ht
