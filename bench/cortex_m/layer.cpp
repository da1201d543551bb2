// SPDX-License-Identifier: Apache-2.0
// Lists the layers that are measured, or writes one with random data, as C, and the kernels that it needs into a folder:
//
//   bench_cortex_m_layer list
//   bench_cortex_m_layer CPU NUMBER SOURCES FOLDER
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "kernels/cortex_m/registry.h"
#include "kernels/epilogue.h"
#include "shapes.h"

namespace ht::bench {
namespace {

namespace fs = std::filesystem;

struct Processor {
  std::string_view name;
  CortexM cpu;
};
constexpr Processor kProcessors[] = {
    {"cortex-m3", CortexM::kM3}, {"cortex-m4", CortexM::kM4}, {"cortex-m7", CortexM::kM7}, {"cortex-m55", CortexM::kM55}};

auto kernels_for(const ht_conv_params&, CortexM cpu) { return cortex_m_conv_kernels(cpu); }
auto kernels_for(const ht_depthwise_params&, CortexM cpu) { return cortex_m_depthwise_kernels(cpu); }
constexpr std::string_view kind_of(const ht_conv_params&) { return "conv"; }
constexpr std::string_view kind_of(const ht_depthwise_params&) { return "depthwise"; }

int32_t outputs_of(const ht_conv_params& p) { return p.output_channels; }
int32_t outputs_of(const ht_depthwise_params& p) { return p.input_channels * p.channel_multiplier; }
int32_t depth_of(const ht_conv_params& p) { return p.kernel_height * p.kernel_width * (p.input_channels / p.groups); }
int32_t depth_of(const ht_depthwise_params& p) { return p.kernel_height * p.kernel_width; }
template <class Params>
int64_t macs_of(const Params& p) {
  return int64_t{p.output_height} * p.output_width * outputs_of(p) * depth_of(p);
}

template <class Value>
void write_array(std::ostream& out, std::string_view type, std::string_view name, const std::vector<Value>& values) {
  out << "static const " << type << ' ' << name << '[' << values.size() << "] = {";
  for (size_t i = 0; i < values.size(); ++i) out << (i % 16 == 0 ? "\n  " : " ") << +values[i] << ',';
  out << "\n};\n";
}

template <class Value>
std::vector<Value> random_values(std::mt19937& engine, size_t count, int32_t low, int32_t high) {
  std::vector<Value> values(count);
  for (Value& value : values) value = static_cast<Value>(low + static_cast<int32_t>(engine() % static_cast<uint32_t>(high - low + 1)));
  return values;
}

// The arrays of a layer as `quantize --target cortex-m` makes them: no weight of -128, a multiplier a channel, one zero point.
struct Data {
  std::vector<int8_t> input, weights, padding;
  std::vector<int32_t> bias;
  EpilogueData epilogue;
};

template <class Params>
Data random_data(const Params& p) {
  std::mt19937 engine(1);
  const auto outputs = static_cast<size_t>(outputs_of(p)), depth = static_cast<size_t>(depth_of(p));
  Data data;
  data.input = random_values<int8_t>(engine, static_cast<size_t>(p.input_height) * static_cast<size_t>(p.input_width) * static_cast<size_t>(p.input_stride), -128, 127);
  data.weights = random_values<int8_t>(engine, outputs * depth, -127, 127);
  data.padding.assign(static_cast<size_t>(p.input_channels), -3);
  data.bias = random_values<int32_t>(engine, outputs, -20000, 20000);
  std::vector<double> ratio;
  for (const int32_t x : random_values<int32_t>(engine, outputs, 500, 1500)) ratio.push_back(x * 1e-5 / std::sqrt(static_cast<double>(depth)));
  data.epilogue = *int8_epilogue(Policy::kFixedSingle, static_cast<int32_t>(outputs), ratio, {{5}, {-128}, {127}});
  return data;
}

void write_dimensions(std::ostream& out, const ht_conv_params& p) {
  out << ".output_channels = " << p.output_channels << ", .groups = " << p.groups;
}
void write_dimensions(std::ostream& out, const ht_depthwise_params& p) { out << ".channel_multiplier = " << p.channel_multiplier; }

template <class Params>
void write_params(std::ostream& out, const Params& p, std::string_view name, std::string_view packed) {
  out << "static const ht_" << kind_of(p) << "_params " << name << " = {.batch = 1";
#define HT_FIELD(field) out << ", ." #field " = " << p.field
  HT_FIELD(input_height), HT_FIELD(input_width), HT_FIELD(input_channels), HT_FIELD(input_stride);
  HT_FIELD(output_height), HT_FIELD(output_width), HT_FIELD(output_stride), HT_FIELD(kernel_height), HT_FIELD(kernel_width);
  HT_FIELD(stride_height), HT_FIELD(stride_width), HT_FIELD(dilation_height), HT_FIELD(dilation_width);
  HT_FIELD(pad_top), HT_FIELD(pad_left);
#undef HT_FIELD
  out << ", ";
  write_dimensions(out, p);
  out << ", .weights = weights, .bias = bias, .padding = padding, .packed = " << packed
      << ",\n  .epilogue = {.output = HT_OUTPUT_S8, .policy = HT_FIXED_SINGLE, .multiplier = {0, fixed, shift}, .zero_point = zero_point,"
         " .minimum = minimum, .maximum = maximum}};\n";
}

template <class Params>
void write_layer(std::ostream& out, const CortexMKernel<Params>& row, const Params& p, const Data& data) {
  const std::string_view kind = kind_of(p);
  std::vector<uint32_t> packed((row.kernel.packed_bytes(p) + 3) / 4 + 1);
  if (row.kernel.pack) row.kernel.pack(&p, packed.data());
  out << "#include \"ht_" << kind << ".h\"\n#include \"" << fs::path(row.header).filename().string() << "\"\n";
  write_array(out, "int8_t", "input", data.input);
  write_array(out, "int8_t", "weights", data.weights);
  write_array(out, "int8_t", "padding", data.padding);
  write_array(out, "int32_t", "bias", data.bias);
  write_array(out, "int32_t", "fixed", data.epilogue.fixed);
  write_array(out, "int32_t", "shift", data.epilogue.shift);
  write_array(out, "int8_t", "zero_point", data.epilogue.zero_point);
  write_array(out, "int8_t", "minimum", data.epilogue.minimum);
  write_array(out, "int8_t", "maximum", data.epilogue.maximum);
  write_array(out, "uint32_t", "packed", packed);
  write_params(out, p, "layer", row.kernel.pack ? "packed" : "NULL");
  write_params(out, p, "normative", "NULL");
  const size_t scratch = std::max(row.kernel.scratch_bytes(p), select_kernel(std::span(&row.kernel, 1), p, Isa::kC).scratch_bytes(p));
  out << "enum { LAYER_MACS = " << macs_of(p) << ", LAYER_UNITS = " << p.output_height
      << ", LAYER_OUTPUT_BYTES = " << p.output_height * p.output_width * p.output_stride
      << ", LAYER_SCRATCH_BYTES = " << row.kernel.scratch_bytes(p) << ", LAYER_PACKED_BYTES = " << row.kernel.packed_bytes(p) << " };\n"
      << "#define LAYER_RUN " << row.function << "\n#define LAYER_NORMATIVE_RUN ht_" << kind << "\n#define LAYER_NORMATIVE_SCRATCH ht_" << kind
      << "_scratch\n";
  (void)scratch;
}

// A bundle's folder is flat.
bool copy_flat(const fs::path& sources, std::string_view file, const fs::path& folder) {
  std::ifstream in(sources / file);
  std::stringstream text;
  text << in.rdbuf();
  std::ofstream out(folder / fs::path(file).filename());
  out << std::regex_replace(text.str(), std::regex("#include \"kernels/[a-z_]+/"), "#include \"");
  return in.good() && out.good();
}

template <class Params>
int write(const Params& dimensions, CortexM cpu, const fs::path& sources, const fs::path& folder) {
  Params p = dimensions;
  const Data data = random_data(p);
  p.weights = data.weights.data();
  p.bias = data.bias.data();
  p.padding = data.padding.data();
  p.epilogue = data.epilogue.view();
  const CortexMKernel<Params>& row = select_cortex_m(kernels_for(p, cpu), p);
  const CortexMKernel<Params>& normative = kernels_for(p, cpu).back();
  std::ofstream out(folder / "layer.h");
  write_layer(out, row, p, data);
  std::set<std::string_view> files{row.header, normative.header};
  files.insert(row.files.begin(), row.files.end());
  files.insert(normative.files.begin(), normative.files.end());
  bool good = out.good();
  for (const std::string_view file : files) good = copy_flat(sources, file, folder) && good;
  return good ? 0 : 1;
}

int list() {
  for (const Shape& shape : shapes()) std::printf("%s\n", std::string(shape.name).c_str());
  return 0;
}

int main(int count, char** arguments) {
  if (count == 2 && std::strcmp(arguments[1], "list") == 0) return list();
  if (count != 5) return 2;
  const size_t number = std::stoul(arguments[2]);
  for (const Processor& processor : kProcessors)
    if (processor.name == arguments[1] && number < shapes().size())
      return std::visit([&](const auto& p) { return write(p, processor.cpu, arguments[3], arguments[4]); }, shapes()[number].params);
  return 2;
}

}  // namespace
}  // namespace ht::bench

int main(int count, char** arguments) { return ht::bench::main(count, arguments); }
