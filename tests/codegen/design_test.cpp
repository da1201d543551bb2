// SPDX-License-Identifier: Apache-2.0
// What a bundle takes and gives, and of what it consists.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "base/file.h"
#include "base/process.h"
#include "base/temporary_folder.h"
#include "codegen/bundle.h"
#include "codegen/kernel_sources.h"
#include "codegen/parts.h"
#include "codegen/step_table.h"
#include "ops/ops.h"
#include "ops/prepare.h"

namespace ht {
namespace {

// images (f32 NCHW) -> integers -> convolution -> integers -> floats.
Graph picture_net(std::string_view policy) {
  Graph graph;
  graph.metadata[std::string(kPolicyKey)] = policy;
  const Affine in = *Affine::per_tensor(0.1f, 3), out = *Affine::per_tensor(0.2f, -5);
  const Shape shape = {1, 3, 8, 8}, made = {1, 4, 8, 8};
  const auto value = [&](const char* name, DType dtype, const Shape& s, std::optional<Affine> affine) {
    return graph.add_value({name, {dtype, s, std::move(affine)}, std::nullopt});
  };
  const ValueId images = value("images", DType::kFloat32, shape, std::nullopt);
  const ValueId integers = value("integers", DType::kInt8, shape, in);
  const ValueId sums = value("sums", DType::kInt8, made, out);
  const ValueId floats = value("boxes", DType::kFloat32, made, std::nullopt);
  Tensor weights = Tensor::zeros(DType::kInt8, {4, 3, 3, 3});
  int8_t next = -50;
  for (int8_t& w : weights.mutable_data<int8_t>()) w = next++;
  const ValueId constant = graph.add_value({"w", {DType::kInt8, {4, 3, 3, 3}, *Affine::per_tensor(0.01f)}, weights});
  graph.inputs = {images};
  graph.outputs = {floats};
  graph.nodes = {{"q", Convert{DType::kInt8, in}, {images}, {integers}}, {"conv", Conv{{1, 1}, {1, 1}, {1, 1, 1, 1}, 1}, {integers, constant}, {sums}}, {"d", Convert{}, {sums}, {floats}}};
  return graph;
}

Design design_of(const Graph& graph, std::string_view cpu = "host") {
  auto plan = make_plan(graph);
  EXPECT_TRUE(plan) << plan.error().text();
  auto design = design_bundle(*std::move(plan), {"net", "net.onnx", "0", *find_cpu(cpu)});
  EXPECT_TRUE(design) << design.error().text();
  return *std::move(design);
}

std::string text_of(const Design& design) {
  std::string text;
  for (const BundleFile& file : bundle_files(design, {{1, random_inputs(design, 1), {std::vector<uint8_t>(256)}}}, {})) text += file.text;
  return text;
}

TEST(Design, TakesAndGivesIntegersInTheOrderOfTheKernels) {
  const Design design = design_of(picture_net("fixed-single"));
  ASSERT_EQ(design.plan.steps.size(), 1u);
  const Buffer& input = design.plan.buffer(design.inputs[0].buffer);
  const Buffer& output = design.plan.buffer(design.outputs[0].buffer);
  EXPECT_EQ(design.inputs[0].name, "images");
  EXPECT_EQ(design.outputs[0].name, "boxes");
  EXPECT_EQ(input.dtype, DType::kInt8);
  EXPECT_EQ(output.dtype, DType::kInt8);
  EXPECT_EQ(input.layout, Layout::kChannelsLast);
  EXPECT_EQ(output.affine->zero_points()[0], -5);
  EXPECT_GT(design.memory.arena_bytes, 0);  // scratch
}

TEST(Design, FixedPointBundlesHaveNoFloats) {
  const Design design = design_of(picture_net("fixed-single"));
  EXPECT_FALSE(design.use.floats);
  EXPECT_EQ(design.use.policies, 1u << HT_FIXED_SINGLE);
  EXPECT_EQ(design.use.outputs, 1u << HT_OUTPUT_S8);
  for (const BundleFile& file : bundle_files(design, {{1, random_inputs(design, 1), {std::vector<uint8_t>(256)}}}, {})) {
    EXPECT_EQ(file.path.find("f32"), std::string::npos) << file.path;
    EXPECT_NE(file.path, "kernels/c/ht_math.h");
    EXPECT_NE(file.path, "kernels/c/ht_convert.c");
    if (file.path == "kernels/c/ht_config.h") {
      EXPECT_NE(file.text.find("HT_FLOATS 0"), std::string::npos);
    }
  }
  EXPECT_TRUE(design_of(picture_net("float-half-even")).use.floats);
}

// What uses a register of floats does not compile so.
TEST(Design, FixedPointBundlesCompileWithoutFloatRegisters) {
  if (find_program("cc").empty()) GTEST_SKIP() << "no compiler is there";
  const Design design = design_of(picture_net("fixed-single"));
  const auto folder = TemporaryFolder::make();
  ASSERT_TRUE(folder);
  for (const BundleFile& file : bundle_files(design, {{1, random_inputs(design, 1), {std::vector<uint8_t>(256)}}}, {})) {
    std::filesystem::create_directories((folder->path() / file.path).parent_path());
    ASSERT_TRUE(write_file(folder->path() / file.path, file.text));
  }
  Command command{{"cc", "-std=c99", "-O2", "-ffast-math", "-mgeneral-regs-only", "-I.", "-c", "net.c", "net_weights.c"}, folder->path()};
  for (const BundleFile& file : kernel_files(design))
    if (file.path.ends_with(".c")) command.arguments.push_back(file.path);
  const auto finished = run_command(command);
  ASSERT_TRUE(finished) << finished.error().text();
  EXPECT_EQ(finished->status, 0) << finished->output;
}

TEST(Design, KernelsComeWithAllThatTheyInclude) {
  const auto has = [](const std::vector<EmbeddedFile>& files, std::string_view path) { return std::ranges::count(files, path, &EmbeddedFile::path) == 1; };
  const auto conv = kernel_sources({"ht_conv"}, {});
  for (const char* path : {"kernels/c/ht_conv.c", "kernels/c/ht_dot.h", "kernels/c/ht_kernel.h", "kernels/c/ht_config.h"}) EXPECT_TRUE(has(conv, path)) << path;
  EXPECT_FALSE(has(conv, "kernels/c/ht_depthwise.c"));
  EXPECT_TRUE(has(kernel_sources({"ht_topk"}, {}), "kernels/c/ht_element.c"));  // which others call
#define HT_EXPECT(name, params)                                                                                      \
  EXPECT_FALSE(kernel_sources({"ht_" #name}, {}).empty()) << #name;                                                      \
  EXPECT_TRUE(has(kernel_sources({"ht_" #name}, {}), declaring_header("ht_" #name))) << #name;
  HT_KERNELS(HT_EXPECT)
#undef HT_EXPECT
}

TEST(Design, ParametersTakeAsManyBytesAsTheirStructs) {
  const Design design = design_of(picture_net("float-half-even"));
  EXPECT_EQ(design.parameter_bytes, static_cast<int64_t>(sizeof(ht_conv_params)));
  EXPECT_LT(design_of(picture_net("float-half-even"), "cortex-m3").parameter_bytes, design.parameter_bytes);
}

TEST(Design, OneStepNeedsNoTable) { EXPECT_TRUE(design_of(picture_net("fixed-single"), "cortex-m4").table.code.empty()); }

TEST(StepTable, NumbersTakeSevenBitsAByte) {
  const std::pair<int32_t, std::vector<uint8_t>> cases[] = {
      {0, {0}}, {127, {127}}, {128, {128, 1}}, {300, {172, 2}}, {16384, {128, 128, 1}}, {-1, {255, 255, 255, 255, 15}}};
  for (const auto& [number, expected] : cases) {
    std::vector<uint8_t> bytes;
    append_number(number, bytes);
    EXPECT_EQ(bytes, expected) << number;
  }
}

TEST(Design, CountsTheModelsOwnNumbers) {
  for (const char* cpu : {"host", "cortex-m4", "cortex-m55"}) {
    const Design design = design_of(picture_net("fixed-single"), cpu);
    EXPECT_EQ(design.weight_bytes, 4 * 27) << cpu;
    EXPECT_EQ(design.bias_bytes, 4 * 4) << cpu;
    EXPECT_EQ(design.multiplier_bytes, 4 * 4) << cpu;
    EXPECT_EQ(design.constants->bytes(), design.weight_bytes + design.bias_bytes + design.multiplier_bytes + design.channel_bytes) << cpu;
  }
}

TEST(Design, NamesOfTheModelCannotLeaveTheirComments) {
  Graph graph = picture_net("fixed-single");
  graph.nodes[1].name = "*/ int evil; /* \\\n#error";
  graph.values[0].name = "/* \"x\" */";
  const std::string text = text_of(design_of(graph));
  EXPECT_EQ(text.find("*/ int evil"), std::string::npos);
  EXPECT_EQ(text.find("\n#error\n"), std::string::npos);
}

TEST(Design, TheSameModelGivesTheSameBytes) {
  EXPECT_EQ(text_of(design_of(picture_net("fixed-single"), "cortex-m4")), text_of(design_of(picture_net("fixed-single"), "cortex-m4")));
}

// An output that is an input, one that is a constant, and two that are one.
TEST(Design, EveryOutputHasMemoryOfItsOwn) {
  Graph graph;
  const TensorType type{DType::kInt32, {4}, std::nullopt};
  const ValueId x = graph.add_value({"x", type, std::nullopt});
  const ValueId y = graph.add_value({"y", {DType::kInt32, {2, 2}, std::nullopt}, std::nullopt});
  graph.inputs = {x};
  graph.outputs = {x, y};
  graph.nodes = {{"r", Reshape{{2, 2}}, {x}, {y}}};
  const Design design = design_of(graph);
  EXPECT_EQ(design.plan.steps.size(), 2u);
  for (const Port& port : design.outputs) EXPECT_EQ(design.memory.places[port.buffer.index].kind, ValuePlace::Kind::kOutput);
}

}  // namespace
}  // namespace ht
