// SPDX-License-Identifier: Apache-2.0
// What builds a bundle, and the example of its use.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <set>

#include "codegen/detect.h"
#include "codegen/kernel_sources.h"
#include "codegen/parts.h"

namespace ht {
namespace {

bool is_source(std::string_view path) { return path.ends_with(".c"); }

// The kernels' sources behind others, one a line.
std::string sources(const Design& design, std::string_view line_end) {
  std::string text;
  for (const BundleFile& file : kernel_files(design))
    if (is_source(file.path)) text += fmt::format("{}\n  {}", line_end, file.path);
  return text;
}

// Lines of a Makefile and of a CMakeLists.txt, about those of them that are there.
std::string size_rule(const Design& design) {
  const std::vector<std::string> files = sources_for_size(design);
  if (files.empty()) return {};
  return fmt::format(R"(# What does not multiply is compiled for size, unless you say otherwise.
SIZE_SOURCES = {}
ifeq ($(origin CFLAGS),file)
# A loop that copies is smaller than memmove().
$(SIZE_SOURCES:%.c=build/%.o): CFLAGS = -Os -fno-tree-loop-distribute-patterns
endif
)",
                     fmt::join(files, " \\\n  "));
}
std::string size_properties(const Design& design) {
  const std::vector<std::string> files = sources_for_size(design);
  if (files.empty()) return {};
  return fmt::format(
      "# What does not multiply is compiled for size.\nset_source_files_properties({}\n  PROPERTIES COMPILE_OPTIONS "
      "\"$<$<NOT:$<CONFIG:Debug>>:-Os;-fno-tree-loop-distribute-patterns>\")\n",
      fmt::join(files, "\n  "));
}

std::string example_file(const Design& design) {
  std::string buffers, assignments, prints;
  const auto add = [&](const Port& port, const char* side, const char* kind) {
    const Buffer& buffer = design.plan.buffer(port.buffer);
    buffers += fmt::format("static {} {}_{}[{}_COUNT];\n", c_type(buffer.dtype)->name, kind, port.name, upper_case(design.name() + "_" + port.name));
    assignments += fmt::format("  {}.{} = {}_{};\n", side, port.name, kind, port.name);
  };
  for (const Port& port : design.inputs) add(port, "in", "input");
  for (const Port& port : design.outputs) {
    add(port, "out", "output");
    const Buffer& buffer = design.plan.buffer(port.buffer);
    const std::string element = fmt::format("output_{}[0]", port.name);
    const bool is_quantized = buffer.affine.has_value();
    const std::string value = is_quantized ? fmt::format("{}_dequantize_{}({}{})", design.name(), port.name, element, buffer.affine->is_per_tensor() ? "" : ", 0") : element;
    prints += fmt::format("  printf(\"{}[0] is %g\\n\", (double){});\n", port.name, value);
  }
  const std::pair<std::string_view, std::string> values[] = {{"MADE_BY", made_by(design, "How the network is called.")},
                                                             {"NAME", design.name()},
                                                             {"UPPER", upper_case(design.name())},
                                                             {"BUFFERS", buffers},
                                                             {"ASSIGNMENTS", assignments},
                                                             {"PRINTS", prints}};
  return filled(template_text("example.c.in"), values);
}

}  // namespace

// Kernels of which what takes the time is written in assembly.
constexpr std::array<std::string_view, 3> kWalks = {"kernels/cortex_m/ht_conv_walk_dsp.c", "kernels/cortex_m/ht_depthwise_dsp.c",
                                                    "kernels/cortex_m/ht_short_channels_dsp.c"};

std::vector<std::string> sources_for_size(const Design& design) {
  const auto cpu = design.options.cpu->cortex_m;
  if (cpu != CortexM::kM3 && cpu != CortexM::kM4) return {};  // the others are chosen for their speed
  std::set<std::string> multiplying;
  for (size_t i = 0; i < design.calls.size(); ++i)
    if (design.plan.steps[i].macs > 0) multiplying.insert(design.calls[i].function);
  std::set<std::string_view> fast;
  for (const EmbeddedFile& file : kernel_sources(multiplying, detect_files(design))) fast.insert(file.path);
  for (std::string_view walk : kWalks) fast.erase(walk);
  std::vector<std::string> files = {design.name() + ".c"};
  for (const BundleFile& file : kernel_files(design))
    if (is_source(file.path) && !fast.contains(file.path)) files.push_back(file.path);
  return files;
}

std::vector<BundleFile> project_files(const Design& design) {
  std::string made = made_by(design, "Builds the network.");
  made = made.substr(3, made.size() - 7);  // without the signs of a comment
  const Cpu& cpu = *design.options.cpu;
  std::vector<std::pair<std::string_view, std::string>> values = {
      {"MADE_BY", made}, {"NAME", design.name()}, {"COMPILER", std::string(cpu.compiler)}, {"ARCHIVER", archiver_of(cpu)}, {"CPU_FLAGS", std::string(cpu.flags)}};
  values.emplace_back("TEST_OBJECTS", design.detection ? " build/test/detections.o" : "");
  values.emplace_back("TEST_SOURCES", design.detection ? " test/detections.c" : "");
  values.emplace_back("SIZE", size_rule(design));
  values.emplace_back("KERNELS", sources(design, " \\"));
  const std::string makefile = filled(template_text("Makefile.in"), values);
  values.back().second = sources(design, "");
  values.end()[-2].second = size_properties(design);
  return {{"Makefile", makefile}, {"CMakeLists.txt", filled(template_text("CMakeLists.txt.in"), values)}, {"example/main.c", design.detection ? detect_example(design) : example_file(design)}};
}

}  // namespace ht
