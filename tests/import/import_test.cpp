// SPDX-License-Identifier: Apache-2.0
#include "import/onnx/import.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <random>

#include "base/file.h"
#include "onnx_model.h"

namespace ht {
namespace {

std::string error_of(const onnx::ModelProto& model, ErrorCode code = ErrorCode::kInput) {
  const auto graph = import_onnx_bytes(bytes_of(model));
  if (graph) return "no error";
  EXPECT_EQ(graph.error().code, code) << graph.error().text();
  return graph.error().text();
}

::testing::AssertionResult contains(const std::string& text, const std::string& part) {
  if (text.find(part) != std::string::npos) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "'" << text << "' does not say '" << part << "'";
}

TEST(Import, ReadsASmallModel) {
  const auto graph = import_onnx_bytes(bytes_of(small_model()));
  ASSERT_TRUE(graph) << graph.error().text();
  ASSERT_EQ(graph->nodes.size(), 2u);
  EXPECT_EQ(graph->nodes[0].name, "conv");
  EXPECT_EQ(graph->nodes[1].name, "Relu_y");
  EXPECT_EQ(graph->name, "net");
  EXPECT_EQ(graph->value(graph->outputs[0]).type.shape, (Shape{1, 1, 4, 4}));
}

TEST(Import, RefusesEveryTruncation) {
  const auto bytes = bytes_of(small_model());
  for (size_t size = 0; size < bytes.size(); ++size) {
    // Exactly as many bytes on the heap, so that a sanitizer sees every read behind them.
    const std::vector<uint8_t> cut(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(size));
    EXPECT_FALSE(import_onnx_bytes(cut)) << size << " bytes";
  }
}

TEST(Import, SurvivesEveryFlippedBit) {
  auto bytes = bytes_of(small_model());
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    bytes[bit / 8] = static_cast<uint8_t>(bytes[bit / 8] ^ (1u << bit % 8));
    const auto graph = import_onnx_bytes(bytes);
    EXPECT_TRUE(graph || !graph.error().message.empty());
    bytes[bit / 8] = static_cast<uint8_t>(bytes[bit / 8] ^ (1u << bit % 8));
  }
}

TEST(Import, RefusesRandomBytes) {
  std::mt19937 random(1);
  for (int round = 0; round < 300; ++round) {
    std::vector<uint8_t> bytes(random() % 400 + 1);
    for (auto& byte : bytes) byte = static_cast<uint8_t>(random());
    EXPECT_FALSE(import_onnx_bytes(bytes));
  }
}

TEST(Import, RefusesNamesThatAreNoText) {
  for (const std::string name : {"\xa2", "a\xc0\x80", "\xed\xa0\x80", "\xf5\x80\x80\x80", "\xe2\x82"}) {
    auto model = small_model();
    model.mutable_graph()->mutable_node(0)->set_name(name);
    EXPECT_TRUE(contains(error_of(model), "UTF-8"));
  }
  auto model = small_model();
  model.mutable_graph()->mutable_node(0)->set_name("Faltung \xe2\x82\xac \xf0\x9f\x98\x80");
  EXPECT_TRUE(import_onnx_bytes(bytes_of(model)));
}

TEST(Import, RefusesMillionsOfEmptyNodesBeforeMakingThem) {
  std::vector<uint8_t> nodes;
  for (int i = 0; i < 5'000'000; ++i) nodes.insert(nodes.end(), {0x0a, 0x00});
  std::vector<uint8_t> bytes = {0x3a, 0x80, 0xad, 0xe2, 0x04};  // graph of 10'000'000 bytes
  bytes.insert(bytes.end(), nodes.begin(), nodes.end());
  const auto graph = import_onnx_bytes(bytes);
  ASSERT_FALSE(graph);
  EXPECT_TRUE(contains(graph.error().message, "millions"));
}

TEST(Import, RefusesDeepNesting) {
  std::string inner;
  for (int i = 0; i < 2000; ++i) {
    std::string wrapped = inner;  // a graph in an attribute of a node of a graph ...
    const auto wrap = [&](int field) {
      std::string header(1, static_cast<char>(field << 3 | 2));
      for (size_t size = wrapped.size(); true; size >>= 7) {
        header += static_cast<char>((size & 127) | (size > 127 ? 128 : 0));
        if (size <= 127) break;
      }
      wrapped = header + wrapped;
    };
    wrap(6);
    wrap(5);
    wrap(1);
    inner = wrapped;
  }
  onnx::ModelProto model = empty_model();
  const std::string text = model.SerializeAsString();
  std::string header = "\x3a";
  for (size_t size = inner.size(); true; size >>= 7) {
    header += static_cast<char>((size & 127) | (size > 127 ? 128 : 0));
    if (size <= 127) break;
  }
  const std::string all = text + header + inner;
  const auto graph = import_onnx_bytes(std::vector<uint8_t>(all.begin(), all.end()));
  ASSERT_FALSE(graph);
  EXPECT_TRUE(contains(graph.error().message, "too deeply"));
}

TEST(Import, SortsNodes) {
  auto model = small_model();
  model.mutable_graph()->mutable_node()->SwapElements(0, 1);
  const auto graph = import_onnx_bytes(bytes_of(model));
  ASSERT_TRUE(graph) << graph.error().text();
  EXPECT_EQ(graph->nodes[0].name, "conv");
}

TEST(Import, RefusesCycles) {
  auto model = small_model();
  model.mutable_graph()->mutable_node(0)->set_input(0, "y");
  EXPECT_TRUE(contains(error_of(model), "cycle"));
}

TEST(Import, RefusesWhatNothingMakes) {
  auto model = small_model();
  model.mutable_graph()->mutable_node(0)->set_input(1, "ghost");
  EXPECT_TRUE(contains(error_of(model), "'ghost'"));
  model = small_model();
  model.mutable_graph()->mutable_output(0)->set_name("ghost");
  EXPECT_TRUE(contains(error_of(model), "'ghost'"));
}

TEST(Import, RefusesValuesMadeTwice) {
  auto model = small_model();
  add_node(model, "Sigmoid", {"x"}, {"c"}, "again");
  EXPECT_TRUE(contains(error_of(model), "again"));
  model = small_model();
  add_floats(model, "w", {1}, {1});
  EXPECT_TRUE(contains(error_of(model), "'w'"));
}

TEST(Import, GivesNodesUniqueNames) {
  auto model = small_model();
  model.mutable_graph()->mutable_node(1)->set_name("conv");
  const auto graph = import_onnx_bytes(bytes_of(model));
  ASSERT_TRUE(graph) << graph.error().text();
  EXPECT_EQ(graph->nodes[0].name, "conv");
  EXPECT_EQ(graph->nodes[1].name, "conv_1");
}

TEST(Import, LeavesOutNodesThatNoOutputNeeds) {
  auto model = small_model();
  add_node(model, "NonMaxSuppression", {"c"}, {"unused"});
  EXPECT_TRUE(import_onnx_bytes(bytes_of(model)));
}

TEST(Import, ListsAllUnsupportedNodes) {
  auto model = small_model();
  model.mutable_graph()->mutable_node(0)->set_op_type("LSTM");
  model.mutable_graph()->mutable_node(1)->set_domain("com.example");
  const std::string error = error_of(model, ErrorCode::kUnsupported);
  EXPECT_TRUE(contains(error, "LSTM: node conv"));
  EXPECT_TRUE(contains(error, "com.example.Relu: node Relu_y"));
}

TEST(Import, RefusesUnknownOpsets) {
  for (int64_t opset : {6, 1000}) {
    auto model = small_model();
    model.mutable_opset_import(0)->set_version(opset);
    EXPECT_TRUE(contains(error_of(model, ErrorCode::kUnsupported), "opset " + std::to_string(opset)));
  }
}

TEST(Import, RefusesWrongAttributes) {
  auto model = small_model();
  add_attribute(*model.mutable_graph()->mutable_node(0), "stride", onnx::AttributeProto::INT);
  EXPECT_TRUE(contains(error_of(model), "no attribute 'stride'"));
  model = small_model();
  add_attribute(*model.mutable_graph()->mutable_node(0), "group", onnx::AttributeProto::STRING);
  EXPECT_TRUE(contains(error_of(model), "'group'"));
  model = small_model();
  add_attribute(*model.mutable_graph()->mutable_node(0), "strides", onnx::AttributeProto::INTS);
  EXPECT_TRUE(contains(error_of(model), "twice"));
  model = small_model();
  model.mutable_graph()->mutable_node(0)->mutable_attribute(0)->set_ints(0, INT64_MIN);
  EXPECT_TRUE(contains(error_of(model), "'strides'"));
}

TEST(Import, RefusesWrongNumbersOfInputs) {
  auto model = small_model();
  model.mutable_graph()->mutable_node(1)->add_input("x");
  EXPECT_TRUE(contains(error_of(model), "has 2 inputs; Relu of opset 13 has 1"));
  model = small_model();
  model.mutable_graph()->mutable_node(0)->set_input(1, "");
  EXPECT_NE(error_of(model), "no error");
}

TEST(Import, RefusesDamagedTensors) {
  const auto damaged = [](auto damage) {
    auto model = small_model();
    damage(*model.mutable_graph()->mutable_initializer(0));
    return model;
  };
  EXPECT_TRUE(contains(error_of(damaged([](auto& w) { w.add_float_data(1); })), "initializer w"));
  EXPECT_TRUE(contains(error_of(damaged([](auto& w) { w.set_raw_data("abc"); })), "3 bytes"));
  EXPECT_TRUE(contains(error_of(damaged([](auto& w) { w.set_dims(0, -1); })), "negative"));
  EXPECT_NE(error_of(damaged([](auto& w) { w.set_dims(0, INT64_MAX); })), "no error");
  EXPECT_NE(error_of(damaged([](auto& w) { w.set_dims(0, int64_t{1} << 33); })), "no error");
  EXPECT_TRUE(contains(error_of(damaged([](auto& w) { w.set_data_type(8); }), ErrorCode::kUnsupported), "element type"));
  EXPECT_NE(error_of(damaged([](auto& w) { w.set_data_type(7); })), "no error");
}

TEST(Import, ReadsPackedIntegers) {
  auto model = empty_model(21);
  auto& tensor = *model.mutable_graph()->add_initializer();
  tensor.set_name("y");
  tensor.set_data_type(22);
  tensor.add_dims(3);
  tensor.set_raw_data(std::string("\x8f\x07", 2));
  add_port(*model.mutable_graph()->add_output(), "y", {3}, 22);
  const auto graph = import_onnx_bytes(bytes_of(model));
  ASSERT_TRUE(graph) << graph.error().text();
  EXPECT_EQ(graph->value(graph->outputs[0]).constant->to_int64s(), (Ints{-1, -8, 7}));
}

TEST(Import, FixesOpenDimensions) {
  auto model = small_model();
  model.mutable_graph()->mutable_input(0)->Clear();
  add_port(*model.mutable_graph()->mutable_input(0), "x", {-1, 2, -1, 4});
  const std::string error = error_of(model);
  EXPECT_TRUE(contains(error, "input 'x' leaves dimension 2 ('open') open"));
  EXPECT_TRUE(contains(error, "input_shape"));
  OnnxImportOptions options;
  options.input_shape = Shape{3, 2, 8, 4};
  const auto graph = import_onnx_bytes(bytes_of(model), {}, options);
  ASSERT_TRUE(graph) << graph.error().text();
  EXPECT_EQ(graph->value(graph->outputs[0]).type.shape, (Shape{3, 1, 8, 4}));
  options.input_shape = Shape{3, 5, 8, 4};
  const auto contradiction = import_onnx_bytes(bytes_of(model), {}, options);
  ASSERT_FALSE(contradiction);
  EXPECT_EQ(contradiction.error().code, ErrorCode::kInput);
  options.input_shape = std::nullopt;
  options.input_shapes["z"] = {1};
  EXPECT_FALSE(import_onnx_bytes(bytes_of(model), {}, options));
}

TEST(Import, TakesInitializersThatAreAlsoInputs) {
  auto model = small_model();
  add_port(*model.mutable_graph()->add_input(), "w", {1, 2, 1, 1});
  const auto graph = import_onnx_bytes(bytes_of(model));
  ASSERT_TRUE(graph) << graph.error().text();
  EXPECT_EQ(graph->inputs.size(), 1u);
}

TEST(Import, KeepsMetadata) {
  auto model = small_model();
  auto& entry = *model.add_metadata_props();
  entry.set_key("halftone.preprocess");
  entry.set_value("{}");
  const auto graph = import_onnx_bytes(bytes_of(model));
  ASSERT_TRUE(graph) << graph.error().text();
  EXPECT_EQ(graph->metadata.at("halftone.preprocess"), "{}");
}

TEST(Import, GivesOutputsTheirNames) {
  auto model = small_model();
  add_node(model, "Identity", {"x"}, {"same"});
  add_node(model, "Identity", {"y"}, {"twin"});
  add_node(model, "Identity", {"w"}, {"weights"});
  for (const char* name : {"same", "twin", "weights"}) add_port(*model.mutable_graph()->add_output(), name, {});
  const auto graph = import_onnx_bytes(bytes_of(model));
  ASSERT_TRUE(graph) << graph.error().text();
  std::vector<std::string> names;
  for (ValueId output : graph->outputs) names.push_back(graph->value(output).name);
  EXPECT_EQ(names, (std::vector<std::string>{"y", "same", "twin", "weights"}));
}

TEST(Import, RefusesFunctionsThatCallEachOtherTooOften) {
  auto model = small_model();
  model.add_opset_import()->set_domain("own");
  constexpr int kFunctions = 31;  // each calls the next one twice, the last one does nothing
  for (int i = 0; i < kFunctions; ++i) {
    auto& function = *model.add_functions();
    function.set_domain("own");
    function.set_name("f" + std::to_string(i));
    for (int call = 0; i + 1 < kFunctions && call < 2; ++call) {
      auto& node = *function.add_node();
      node.set_domain("own");
      node.set_op_type("f" + std::to_string(i + 1));
    }
  }
  add_node(model, "f0", {}, {}).set_domain("own");
  EXPECT_TRUE(contains(error_of(model), "functions call each other so often"));
}

TEST(Import, StopsWhereItIsCancelled) {
  const std::atomic<bool> cancelled = true;
  OnnxImportOptions options;
  options.cancelled = &cancelled;
  const auto graph = import_onnx_bytes(bytes_of(small_model()), {}, options);
  ASSERT_FALSE(graph);
  EXPECT_EQ(graph.error().code, ErrorCode::kInterrupted);
}

// Constants that the file only describes, 1 MiB each, and what is made of them.
onnx::ModelProto model_of_constants(int count) {
  auto model = empty_model();
  add_port(*model.mutable_graph()->add_input(), "x", {1});
  add_port(*model.mutable_graph()->add_output(), "y", {1});
  auto& shape = *model.mutable_graph()->add_initializer();
  shape.set_name("shape");
  shape.set_data_type(7);
  shape.add_dims(1);
  shape.add_int64_data(1 << 18);
  add_node(model, "Identity", {"x"}, {"x0"});
  for (int i = 0; i < count; ++i) {
    const auto n = std::to_string(i);
    add_node(model, "ConstantOfShape", {"shape"}, {"c" + n});
    auto& sum = add_node(model, "ReduceMax", {"c" + n}, {"s" + n});
    auto& axes = add_attribute(sum, "axes", onnx::AttributeProto::INTS);
    axes.add_ints(0);
    add_node(model, "Add", {"x" + n, "s" + n}, {"x" + std::to_string(i + 1)});
  }
  add_node(model, "Identity", {"x" + std::to_string(count)}, {"y"});
  return model;
}

TEST(Import, BoundsAllConstantsThatTheFileOnlyDescribesTogether) {
  OnnxImportOptions options;
  options.max_bytes = 4 << 20;
  EXPECT_TRUE(import_onnx_bytes(bytes_of(model_of_constants(3)), {}, options));
  const auto graph = import_onnx_bytes(bytes_of(model_of_constants(4)), {}, options);
  ASSERT_FALSE(graph);
  EXPECT_TRUE(contains(graph.error().text(), "too large beside those before it"));
}

TEST(Import, RefusesTraining) {
  auto model = small_model();
  auto& node = *model.mutable_graph()->mutable_node(1);
  node.set_op_type("Dropout");
  node.add_input("");
  node.add_input("on");
  auto& on = *model.mutable_graph()->add_initializer();
  on.set_name("on");
  on.set_data_type(9);
  on.add_int32_data(1);
  EXPECT_TRUE(contains(error_of(model, ErrorCode::kUnsupported), "training"));
}

class ExternalData : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / ("halftone_external_" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder_ / "model");
    std::ofstream(folder_ / "outside.bin", std::ios::binary) << std::string(64, '\0');
    std::ofstream(folder_ / "model" / "inside.bin", std::ios::binary) << std::string(64, '\0');
    std::filesystem::create_symlink(folder_ / "outside.bin", folder_ / "model" / "link.bin");
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  Result<Graph> import(const std::string& location, const std::string& offset, const std::string& length) {
    auto model = small_model();
    auto& tensor = *model.mutable_graph()->mutable_initializer(0);
    tensor.clear_float_data();
    tensor.set_data_location(onnx::TensorProto::EXTERNAL);
    const auto add = [&](const std::string& key, const std::string& value) {
      auto& entry = *tensor.add_external_data();
      entry.set_key(key);
      entry.set_value(value);
    };
    add("location", location);
    if (!offset.empty()) add("offset", offset);
    if (!length.empty()) add("length", length);
    EXPECT_TRUE(write_file(folder_ / "model" / "net.onnx", bytes_of(model)));
    return import_onnx(folder_ / "model" / "net.onnx");
  }

  std::filesystem::path folder_;
};

TEST_F(ExternalData, IsReadFromTheModelsFolder) {
  EXPECT_TRUE(import("inside.bin", "", ""));
  EXPECT_TRUE(import("./inside.bin", "56", "8"));
}

TEST_F(ExternalData, CannotLeaveTheModelsFolder) {
  for (const std::string& location : {std::string("../outside.bin"), (folder_ / "outside.bin").string(), std::string("link.bin"),
                                      std::string("../model/inside.bin"), std::string(""), std::string(".")})
    EXPECT_FALSE(import(location, "", "")) << location;
  const auto link = import("link.bin", "", "");
  EXPECT_TRUE(contains(link.error().text(), "outside the model's folder"));
}

TEST_F(ExternalData, MustFitItsFileAndTensor) {
  for (const auto& [offset, length] :
       {std::pair("60", "8"), {"0", "4"}, {"-1", "8"}, {"9223372036854775807", "8"}, {"0x1", "8"}, {"", "64"}})
    EXPECT_FALSE(import("inside.bin", offset, length)) << offset << " " << length;
}

TEST(ImportInfo, TellsWhatAModelIs) {
  const auto path = std::filesystem::temp_directory_path() / ("halftone_info_" + std::to_string(::getpid()) + ".onnx");
  auto model = small_model();
  model.set_producer_name("someone");
  model.mutable_graph()->mutable_node(1)->set_op_type("LSTM");
  ASSERT_TRUE(write_file(path, bytes_of(model)));
  const auto info = read_onnx_info(path);
  std::filesystem::remove(path);
  ASSERT_TRUE(info) << info.error().text();
  EXPECT_EQ(info->opsets.at(""), 13);
  EXPECT_EQ(info->producer, "someone");
  ASSERT_EQ(info->inputs.size(), 1u);
  EXPECT_EQ(info->inputs[0].dimensions->size(), 4u);
  ASSERT_EQ(info->unsupported.size(), 1u);
  EXPECT_EQ(info->unsupported[0].op, "LSTM");
}

}  // namespace
}  // namespace ht
