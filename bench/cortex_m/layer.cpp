// SPDX-License-Identifier: Apache-2.0
// Lists the layers that are measured; writes one of them, or some random ones, with random data as C, and the kernels that they need:
//
//   bench_cortex_m_layer list
//   bench_cortex_m_layer CPU measured NUMBER FOLDER
//   bench_cortex_m_layer CPU random SEED FOLDER
#include <algorithm>
#include <cmath>
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

#include "codegen/kernel_sources.h"
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
std::vector<Value> random_values(std::mt19937& engine, size_t count, int32_t low, int32_t high) {
  std::vector<Value> values(count);
  for (Value& value : values) value = static_cast<Value>(random_integer(engine, low, high));
  return values;
}

// A layer's arrays.
struct Data {
  std::vector<int8_t> input, weights, padding;
  std::vector<int32_t> bias;
  EpilogueData epilogue;
};

// What differs between the layers that are measured and random ones.
struct Kind {
  int32_t least_weight = -127, bias = 20000;
  double ratio = 0.01;  // of sums of one product
  int8_t minimum = -128, maximum = 127;
  int32_t output = HT_OUTPUT_S8;
};

Kind random_kind(std::mt19937& engine) {
  Kind kind;
  if (random_integer(engine, 0, 2) == 0) kind.least_weight = -128;
  if (random_integer(engine, 0, 3) == 0) kind.bias = 1 << 24;
  if (random_integer(engine, 0, 3) == 0) kind.ratio = 0.5;
  if (random_integer(engine, 0, 1) == 0) kind.minimum = -70, kind.maximum = 90;
  const int32_t outputs[] = {HT_OUTPUT_S8, HT_OUTPUT_S8, HT_OUTPUT_S8, HT_OUTPUT_S32, HT_OUTPUT_ACTIVATED};
  kind.output = outputs[random_integer(engine, 0, 4)];
  return kind;
}

template <class Params>
Data random_data(const Params& p, const Kind& kind, std::mt19937& engine) {
  const auto outputs = static_cast<size_t>(outputs_of(p)), depth = static_cast<size_t>(depth_of(p));
  const auto pixels = static_cast<size_t>(p.batch) * static_cast<size_t>(p.input_height) * static_cast<size_t>(p.input_width);
  Data data;
  data.input = random_values<int8_t>(engine, pixels * static_cast<size_t>(p.input_stride), -128, 127);
  data.weights = random_values<int8_t>(engine, outputs * depth, kind.least_weight, 127);
  data.padding = random_values<int8_t>(engine, static_cast<size_t>(p.input_channels), -128, 127);
  data.bias = random_values<int32_t>(engine, outputs, -kind.bias, kind.bias);
  std::vector<double> ratio;
  for (const int32_t x : random_values<int32_t>(engine, outputs, 500, 1500)) ratio.push_back(x * 1e-3 * kind.ratio / std::sqrt(static_cast<double>(depth)));
  const Int8Output output{random_values<int8_t>(engine, outputs, -20, 20), {kind.minimum}, {kind.maximum}};
  const auto channels = static_cast<int32_t>(outputs);
  if (kind.output == HT_OUTPUT_ACTIVATED) {
    constexpr double kStep = 0.05;  // of the output
    for (double& r : ratio) r *= kStep;
    data.epilogue = *activated_epilogue(Policy::kFixedSingle, channels, {HT_SILU}, ratio, {kStep}, output);
  } else {
    data.epilogue = *int8_epilogue(Policy::kFixedSingle, channels, ratio, output);
    data.epilogue.output = kind.output;
  }
  return data;
}

// Writes layers into a header: their arrays, functions that run them, and a table of those.
class Writer {
 public:
  explicit Writer(const fs::path& file) : out_(file) { out_ << "#include \"case.h\"\n"; }

  template <class Params>
  void add(const CortexMKernel<Params>& row, const Params& p, const Data& data) {
    const std::string header = declaring_header(std::string(row.function));
    out_ << "#include \"ht_" << kind_of(p) << ".h\"\n#include \"" << fs::path(header).filename().string() << "\"\n";
    write_array("int8_t", "input", data.input);
    write_array("int8_t", "weights", data.weights);
    write_array("int8_t", "padding", data.padding);
    write_array("int32_t", "bias", data.bias);
    write_array("int32_t", "fixed", data.epilogue.fixed);
    write_array("int32_t", "shift", data.epilogue.shift);
    write_array("int32_t", "second_fixed", data.epilogue.second_fixed);
    write_array("int32_t", "second_shift", data.epilogue.second_shift);
    write_activation(data.epilogue);
    write_array("int8_t", "zero_point", data.epilogue.zero_point);
    write_array("int8_t", "minimum", data.epilogue.minimum);
    write_array("int8_t", "maximum", data.epilogue.maximum);
    std::vector<uint32_t> packed((row.kernel.packed_bytes(p) + 3) / 4 + 1);
    if (row.kernel.pack) row.kernel.pack(&p, packed.data());
    write_array("uint32_t", "packed", packed);
    write_params(p, "layer", row.kernel.pack ? name("packed") : "NULL");
    write_params(p, "normative", "NULL");
    write_functions(row, p);
    const int32_t element = p.epilogue.output == HT_OUTPUT_S32 ? 4 : 1;
    table_ << "  {\"" << row.function << "\", " << name("run") << ", " << name("reference") << ", " << name("reference_scratch") << ", "
           << name("input") << ", " << macs_of(p) << ", " << p.batch * p.output_height * p.output_width * p.output_stride * element << ", "
           << row.kernel.scratch_bytes(p) << ", " << row.kernel.packed_bytes(p) << "},\n";
    ++number_;
  }

  bool finish() {
    out_ << "static const bench_case cases[] = {\n" << table_.str() << "};\n";
    return out_.good();
  }

 private:
  std::string name(std::string_view base) const { return std::string(base) + "_" + std::to_string(number_); }

  template <class Value>
  void write_array(std::string_view type, std::string_view base, const std::vector<Value>& values) {
    out_ << "static const " << type << ' ' << name(base) << '[' << values.size() + 1 << "] = {";  // C has no empty arrays
    for (size_t i = 0; i < values.size(); ++i) out_ << (i % 16 == 0 ? "\n  " : " ") << +values[i] << ',';
    out_ << "\n};\n";
  }

  void write_activation(const EpilogueData& epilogue) {
    out_ << "static const ht_activation " << name("activation") << " = {";
    const ht_activation none{}, &function = epilogue.activation.empty() ? none : epilogue.activation[0];
    for (const auto* values : {&function.base, &function.slope, &function.curve}) {
      out_ << '{';
      for (const int32_t value : *values) out_ << value << ", ";
      out_ << "}, ";
    }
    out_ << function.piece_shift << ", " << function.rises << "};\n";
  }

  void write_dimensions(const ht_conv_params& p) { out_ << ".output_channels = " << p.output_channels << ", .groups = " << p.groups; }
  void write_dimensions(const ht_depthwise_params& p) { out_ << ".channel_multiplier = " << p.channel_multiplier; }

  template <class Params>
  void write_params(const Params& p, std::string_view base, const std::string& packed) {
    out_ << "static const ht_" << kind_of(p) << "_params " << name(base) << " = {";
#define HT_FIELD(field) out_ << "." #field " = " << p.field << ", "
    HT_FIELD(batch), HT_FIELD(input_height), HT_FIELD(input_width), HT_FIELD(input_channels), HT_FIELD(input_stride);
    HT_FIELD(output_height), HT_FIELD(output_width), HT_FIELD(output_stride), HT_FIELD(kernel_height), HT_FIELD(kernel_width);
    HT_FIELD(stride_height), HT_FIELD(stride_width), HT_FIELD(dilation_height), HT_FIELD(dilation_width);
    HT_FIELD(pad_top), HT_FIELD(pad_left);
#undef HT_FIELD
    write_dimensions(p);
    out_ << ", .weights = " << name("weights") << ", .bias = " << name("bias") << ", .padding = " << name("padding") << ", .packed = " << packed
         << ",\n  .epilogue = {.output = " << p.epilogue.output << ", .policy = " << p.epilogue.policy << ", .multiplier = {NULL, " << name("fixed")
         << ", " << name("shift") << "}, .second = {NULL, " << name("second_fixed") << ", " << name("second_shift")
         << "}, .activation = &" << name("activation") << ", .zero_point = " << name("zero_point") << ", .minimum = " << name("minimum")
         << ", .maximum = " << name("maximum") << "}};\n";
  }

  template <class Params>
  void write_functions(const CortexMKernel<Params>& row, const Params& p) {
    const std::string units = std::to_string(p.batch * p.output_height);
    out_ << "static void " << name("run") << "(const ht_arguments* a) { " << row.function << "(&" << name("layer") << ", a, 0, " << units << "); }\n"
         << "static void " << name("reference") << "(const ht_arguments* a) { ht_" << kind_of(p) << "(&" << name("normative") << ", a, 0, " << units
         << "); }\n"
         << "static size_t " << name("reference_scratch") << "(void) { return ht_" << kind_of(p) << "_scratch(&" << name("normative") << "); }\n";
  }

  std::ofstream out_;
  std::ostringstream table_;
  int number_ = 0;
};

// As in a bundle, whose folder is flat.
bool write_flat(const EmbeddedFile& file, const fs::path& folder) {
  std::ofstream out(folder / fs::path(file.path).filename());
  out << std::regex_replace(std::string(file.text), std::regex("#include \"kernels/[a-z_]+/"), "#include \"");
  return out.good();
}

// Layers for one processor, and the kernels' files.
class Program {
 public:
  Program(CortexM cpu, const fs::path& folder) : cpu_(cpu), folder_(folder), writer_(folder / "layer.h") {}

  template <class Params>
  void add(Params p, const Kind& kind, std::mt19937& engine) {
    const Data data = random_data(p, kind, engine);
    p.weights = data.weights.data();
    p.bias = data.bias.data();
    p.padding = data.padding.data();
    p.epilogue = data.epilogue.view();
    const auto& row = select_cortex_m(kernels_for(p, cpu_), p);
    functions_.insert({std::string(row.function), "ht_" + std::string(kind_of(p))});
    writer_.add(row, p, data);
  }

  bool finish() {
    bool good = writer_.finish();
    for (const EmbeddedFile& file : kernel_sources(functions_, {})) good = write_flat(file, folder_) && good;
    return good;
  }

 private:
  CortexM cpu_;
  fs::path folder_;
  Writer writer_;
  std::set<std::string> functions_;
};

int list() {
  for (const Shape& shape : shapes()) std::printf("%s\n", std::string(shape.name).c_str());
  return 0;
}

int main(int count, char** arguments) {
  constexpr int kRandomLayers = 40;
  if (count == 2 && std::strcmp(arguments[1], "list") == 0) return list();
  if (count != 5) return 2;
  const auto* processor = std::find_if(std::begin(kProcessors), std::end(kProcessors), [&](const Processor& p) { return p.name == arguments[1]; });
  if (processor == std::end(kProcessors)) return 2;
  const auto number = static_cast<uint32_t>(std::stoul(arguments[3]));
  std::mt19937 engine(number);
  Program program(processor->cpu, arguments[4]);
  if (std::strcmp(arguments[2], "measured") == 0 && number < shapes().size()) {
    std::visit([&](const auto& p) { program.add(p, Kind{}, engine); }, shapes()[number].params);
  } else {
    for (int i = 0; i < kRandomLayers; ++i) {
      const Shape shape = random_shape(engine);
      const Kind kind = random_kind(engine);
      std::visit([&](const auto& p) { program.add(p, kind, engine); }, shape.params);
    }
  }
  return program.finish() ? 0 : 1;
}

}  // namespace
}  // namespace ht::bench

int main(int count, char** arguments) { return ht::bench::main(count, arguments); }
