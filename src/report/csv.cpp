// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string>
#include <vector>

#include "halftone/json.h"

namespace halftone {
namespace {

using Row = std::vector<std::string>;

// In quotes where a reader could take a part for something else.
std::string field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (char c : text) quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + '"';
}

std::string line_of(const Row& row) {
  std::string line;
  for (size_t i = 0; i < row.size(); ++i) line += (i > 0 ? "," : "") + field(row[i]);
  return line + "\r\n";
}

template <class Number>
std::string text_of(const std::optional<Number>& number) {
  return number ? fmt::format("{}", *number) : "";
}

void append(Row& row, const Row& more) { row.insert(row.end(), more.begin(), more.end()); }

const Row kRangeHeading = {"type", "channels", "min", "max", "scale", "zero_point", "observed_min", "observed_max", "mean", "rms", "bits_used"};

Row fields_of(const RangeInfo& range) {
  return {range.type, fmt::format("{}", range.channels), fmt::format("{}", range.min), fmt::format("{}", range.max), text_of(range.scale),
          text_of(range.zero_point), text_of(range.observed_min), text_of(range.observed_max), text_of(range.mean), text_of(range.rms),
          text_of(range.bits_used)};
}

Row fields_of(const std::optional<RangeInfo>& range) { return range ? fields_of(*range) : Row(kRangeHeading.size()); }

Row prefixed(const Row& names, std::string_view prefix) {
  Row result;
  for (const std::string& name : names) result.push_back(fmt::format("{}{}", prefix, name));
  return result;
}

std::string layers_of(const InspectResult& result) {
  Row heading = {"layer", "operator", "inputs", "output", "parameters", "macs", "float_bytes", "bytes", "moved_bytes", "intensity", "kernel"};
  append(heading, prefixed(kRangeHeading, "output_"));
  append(heading, prefixed(kRangeHeading, "weights_"));
  std::string text = line_of(heading);
  for (const LayerInfo& layer : result.layers) {
    Row row = {layer.name, layer.op, fmt::format("{}", fmt::join(layer.inputs, "; ")), layer.output, fmt::format("{}", layer.parameters),
               fmt::format("{}", layer.macs), fmt::format("{}", layer.float_bytes), fmt::format("{}", layer.bytes),
               fmt::format("{}", layer.moved_bytes), fmt::format("{}", layer.intensity), layer.kernel};
    append(row, fields_of(layer.range));
    append(row, fields_of(layer.weights));
    text += line_of(row);
  }
  return text;
}

std::string ranges_of(const InspectResult& result) {
  Row heading = {"value"};
  append(heading, kRangeHeading);
  std::string text = line_of(heading);
  for (const RangeInfo& range : result.ranges) {
    Row row = {range.name};
    append(row, fields_of(range));
    text += line_of(row);
  }
  return text;
}

Row fields_of(const AnalyzedValue* value) {
  if (!value) return Row(10);
  return {value->name, value->type, fmt::format("{}", value->scales), fmt::format("{}", value->min), fmt::format("{}", value->max),
          fmt::format("{}", value->observed_min), fmt::format("{}", value->observed_max), fmt::format("{}", value->clipped),
          fmt::format("{}", value->dead_channels.size()), text_of(value->spread)};
}

}  // namespace

std::string to_csv(const AnalyzeResult& result) {
  std::string text = line_of({"layer", "operator", "weight_bits", "input_bits", "error", "weights_error", "inputs_error", "drop_alone", "gain_in_float",
                              "weight_spread", "spared", "value", "type", "scales", "min", "max", "observed_min", "observed_max", "clipped",
                              "dead_channels", "spread"});
  for (const LayerHarm& layer : result.layers) {
    Row row = {layer.name, layer.op, text_of(layer.weight_bits), text_of(layer.input_bits), fmt::format("{}", layer.error), text_of(layer.weights_error),
               text_of(layer.inputs_error), text_of(layer.drop_alone), text_of(layer.gain_in_float), text_of(layer.weight_spread), layer.spared};
    const AnalyzedValue* read = nullptr;
    for (const AnalyzedValue& value : result.values)
      if (!layer.values.empty() && value.name == layer.values.front()) read = &value;
    append(row, fields_of(read));
    text += line_of(row);
  }
  return text;
}

std::string to_csv(const InspectResult& result) { return result.kind == "statistics" ? ranges_of(result) : layers_of(result); }

}  // namespace halftone
