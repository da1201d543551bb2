// SPDX-License-Identifier: Apache-2.0
#include "ir/text.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

namespace ht {
namespace {

constexpr std::string_view kExample = R"(graph "a \"net\"" {
  metadata "halftone.note" = "line\x0aline"
  input %x : f32[1x2x4x4]
  const %w : i8[3x2x1x1] affine([3, 1, 1, 1], [0.5, 0.25, 1e-20], [0, 0, 0]) = [1, -2, 3, -128, 127, 0]
  const %blocks : i4[1x5] affine([1, 3], [0.5, 0.25, 2], [0, 1, -8], 2) = [1, -2, 3, -8, 7]
  const %big : f32[17] = hex "000000000000803f000000400000404000008040000080400000804000008040000080400000804000008040000080400000804000008040000080400000804000008040"
  const %"odd name:0" : f32[4] = [1.5, -0, inf, -inf]
  %y : f32[1x3x4x4] = Conv(%x, %w, _) {strides = [1, 1], dilations = [1, 1], pads = [0, 0, 0, 0]} @"conv"
  %z : i8[1x3x4x4] affine([], [0.1], [-3]) = Unary(%y) {kind = LeakyRelu, alpha = 0.1} @""
  %q : u8[1x3x4x4] affine([], [0.003], [7]) = Convert(%z) {to = u8, affine = affine([], [0.003], [7])} @"requantize"
  output %q
  output %x
  output %w
}
)";

TEST(Text, PrintsWhatItParses) {
  const auto graph = parse(kExample);
  ASSERT_TRUE(graph) << graph.error().text();
  EXPECT_EQ(print(*graph), kExample);
  EXPECT_EQ(graph->name, "a \"net\"");
  EXPECT_EQ(graph->metadata.at("halftone.note"), "line\nline");
  EXPECT_FALSE(graph->nodes[0].inputs[2].valid());
}

TEST(Text, ElidesLargeConstantsAndRefusesToParseThem) {
  const auto graph = parse(kExample);
  ASSERT_TRUE(graph);
  const std::string text = print(*graph, {.elide_large_constants = true});
  EXPECT_NE(text.find("%big : f32[17] = elided"), std::string::npos);
  const auto again = parse(text);
  ASSERT_FALSE(again);
  EXPECT_NE(again.error().message.find("big"), std::string::npos);
}

// Fills every attribute of an operator with random values.
class Randomizer {
 public:
  explicit Randomizer(unsigned seed) : engine_(seed) {}

  Graph graph() {
    Graph graph;
    graph.name = bytes();
    graph.metadata = {{bytes(), bytes()}, {"a", ""}};
    for (int i = 0; i < 3; ++i) graph.inputs.push_back(graph.add_value({name(graph), type(), {}}));
    for (int i = 0; i < 4; ++i) {
      const TensorType constant_type = type();
      const auto id = graph.add_value({name(graph), constant_type, constant(constant_type)});
      if (i == 0) graph.outputs.push_back(id);
    }
    add_nodes(graph);
    graph.outputs.push_back(graph.inputs[0]);
    graph.outputs.push_back(graph.nodes.back().outputs[0]);
    return graph;
  }

 private:
  template <size_t index = 0>
  void add_nodes(Graph& graph) {
    if constexpr (index < std::variant_size_v<Op>) {
      std::variant_alternative_t<index, Op> op;
      std::apply([&](const auto&... fields) { (fill(op.*fields.member), ...); }, op.kFields);
      Node node{bytes(), op, {}, {}};
      for (int i = below(4); i >= 0; --i) node.inputs.push_back(below(5) ? any_value(graph) : ValueId());
      for (int i = below(3); i >= 0; --i) node.outputs.push_back(graph.add_value({name(graph), type(), {}}));
      graph.nodes.push_back(std::move(node));
      add_nodes<index + 1>(graph);
    }
  }

  ValueId any_value(const Graph& graph) { return ValueId(engine_() % graph.values.size()); }
  int below(int n) { return static_cast<int>(engine_() % static_cast<unsigned>(n)); }

  std::string bytes() {
    std::string text;
    for (int i = below(9); i > 0; --i) text += static_cast<char>(below(3) ? 'a' + below(26) : below(256));
    return text;
  }
  std::string name(const Graph& graph) { return fmt::format("{}.{}", bytes(), graph.values.size()); }

  void fill(bool& x) { x = below(2); }
  void fill(int64_t& x) { x = static_cast<int64_t>((engine_() << 32) ^ engine_()); }
  void fill(float& x) {
    constexpr float kSpecial[] = {
        0, 1, 0.1f, std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(), 1e-45f, 3.4e38f};
    x = below(2) ? kSpecial[below(7)] : std::ldexp(static_cast<float>(below(1 << 24)) - 8e6f, below(200) - 120);
  }
  void fill(DType& x) { x = static_cast<DType>(below(12)); }
  template <class E>
  requires std::is_enum_v<E>
  void fill(E& x) { x = static_cast<E>(below(3) % 2); }
  template <class T>
  void fill(std::vector<T>& list) {
    list.resize(static_cast<size_t>(below(6)));
    for (T& x : list) fill(x);
  }
  void fill(std::optional<Affine>& affine) {
    if (below(2)) affine = *Affine::per_axis({0.1f, 1e-30f, 3e7f}, {-5, 0, 7}, 1, 3);
  }

  TensorType type() {
    TensorType type;
    fill(type.dtype);
    for (int i = below(4); i > 0; --i) type.shape.push_back(below(5));
    if (!is_integer(type.dtype) || type.dtype == DType::kInt64) return type;
    if (type.shape.size() == 2 && type.shape[1] > 0 && below(2))
      type.affine = *Affine::per_axis(std::vector<float>(static_cast<size_t>(type.shape[1]), 0.3f), {}, 1, 2);
    else if (below(2))
      type.affine = *Affine::per_tensor(0.017f, below(8));
    return type;
  }

  Tensor constant(const TensorType& type) {
    Tensor tensor = Tensor::zeros(type.dtype, type.shape);
    for (uint8_t& byte : tensor.mutable_data<uint8_t>()) byte = static_cast<uint8_t>(below(256));
    return tensor;
  }

  std::mt19937_64 engine_;
};

TEST(Text, PrintParsePrintIsTheIdentityOnRandomGraphs) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    const Graph graph = Randomizer(seed).graph();
    const std::string text = print(graph);
    const auto parsed = parse(text);
    ASSERT_TRUE(parsed) << "seed " << seed << ": " << parsed.error().text() << "\n" << text;
    EXPECT_EQ(print(*parsed), text) << "seed " << seed;
    EXPECT_EQ(*parsed, graph) << "seed " << seed << "\n" << text;
  }
}

TEST(Text, RefusesWhatIsNoGraphAndNamesTheLine) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"", "expected 'graph'"},
      {"graph \"g\" {", "not ''"},
      {"graph \"g\" {} x", "more text"},
      {"graph \"g\" {\n  input %x : f33[1]\n}", "line 2: there is no element type 'f33'"},
      {"graph \"g\" {\n  input %x : f32[1x]\n}", "a number"},
      {"graph \"g\" {\n  input %x : f32[99999999999x99999999999]\n}", "too large"},
      {"graph \"g\" {\n  input %x : f32[-1]\n}", "negative"},
      {"graph \"g\" {\n  const %x : f32[2] = [1]\n}", "1 elements"},
      {"graph \"g\" {\n  const %x : u8[1] = [256]\n}", "does not fit"},
      {"graph \"g\" {\n  const %x : u8[2] = hex \"0\"\n}", "odd number"},
      {"graph \"g\" {\n  const %x : u8[2] = hex \"zz00\"\n}", "hexadecimal"},
      {"graph \"g\" {\n  const %x : u8[2] = hex \"00\"\n}", "1 bytes"},
      {"graph \"g\" {\n  input %x : i8[1] affine([], [0], [0])\n}", "positive"},
      {"graph \"g\" {\n  input %x : f32[1]\n  input %x : f32[1]\n}", "two values"},
      {"graph \"g\" {\n  %y : f32[1] = Relu(%x) @\"\"\n}", "no operator Relu"},
      {"graph \"g\" {\n  %y : f32[1] = Unary(%x) @\"\"\n}", "not been made"},
      {"graph \"g\" {\n  input %x : f32[1]\n  %y : f32[1] = Unary(%x) {gamma = 1} @\"\"\n}", "no attribute 'gamma'"},
      {"graph \"g\" {\n  input %x : f32[1]\n  %y : f32[1] = Unary(%x) {kind = Sinh} @\"\"\n}", "none of Relu"},
      {"graph \"g\" {\n  metadata \"a\" = \"\\q\"\n}", "backslash"},
      {"graph \"g\" {\n  metadata \"a\" = \"b\n", "does not end"},
  };
  for (const auto& [text, message] : cases) {
    const auto graph = parse(text);
    ASSERT_FALSE(graph) << text;
    EXPECT_NE(graph.error().text().find(message), std::string::npos) << graph.error().text() << "\nfor " << text;
  }
}

TEST(Text, SurvivesDamagedTexts) {
  std::mt19937 engine(7);
  for (int round = 0; round < 3000; ++round) {
    std::string text(kExample);
    for (int i = 0; i < 3; ++i) text[engine() % text.size()] = static_cast<char>(engine());
    text.resize(text.size() - engine() % 40);
    const auto graph = parse(text);
    if (!graph) continue;
    const std::string printed = print(*graph);
    EXPECT_EQ(print(*parse(printed)), printed);
  }
}

}  // namespace
}  // namespace ht
