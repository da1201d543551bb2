// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "evaluate.h"
#include "passes/passes.h"

namespace ht {
namespace {

// A graph that computes the lines from %x to %y; %c... are constants named in the lines.
Graph spelled(const std::string& constants, const std::string& nodes) {
  return graph_of("graph \"g\" {\n  input %x : f32[1x4x5x5]\n" + constants + nodes + "  output %y\n}\n");
}

std::string scalar(const std::string& name, const std::string& value) {
  return "  const %" + name + " : f32[] = [" + value + "]\n";
}

std::string node(const std::string& out, const std::string& kind, const std::string& in, const std::string& more = "") {
  const bool is_unary = in.find(',') == std::string::npos;
  return "  %" + out + " : f32[1x4x5x5] = " + (is_unary ? "Unary" : "Binary") + "(" + in + ") {kind = " + kind + more + "} @\"" +
         out + "\"\n";
}

const Unary& only_unary(const Graph& graph) {
  static const Unary none{UnaryKind::kNot, 0, 0};
  if (graph.nodes.size() != 1 || !std::holds_alternative<Unary>(graph.nodes[0].op)) {
    ADD_FAILURE() << graph.nodes.size() << " nodes are left";
    return none;
  }
  return std::get<Unary>(graph.nodes[0].op);
}

void expect_recognised(const Graph& graph, UnaryKind kind, float alpha = 0, float beta = 0) {
  const Graph after = expect_kept(graph, activation_recognition);
  const Unary& unary = only_unary(after);
  EXPECT_EQ(unary.kind, kind) << kUnaryNames[static_cast<size_t>(unary.kind)];
  EXPECT_FLOAT_EQ(unary.alpha, alpha);
  EXPECT_FLOAT_EQ(unary.beta, beta);
}

const std::string kThree = scalar("three", "3"), kSix = scalar("six", "6"), kSixth = scalar("sixth", "0.16666667");
const std::string kClip6 = ", beta = 6", kHard = ", alpha = 0.16666667, beta = 0.5";

TEST(ActivationRecognition, Silu) {
  expect_recognised(spelled("", node("s", "Sigmoid", "%x") + node("y", "Mul", "%x, %s")), UnaryKind::kSilu);
  expect_recognised(spelled("", node("s", "Sigmoid", "%x") + node("y", "Mul", "%s, %x")), UnaryKind::kSilu);
  const std::string exponential = node("n", "Neg", "%x") + node("e", "Exp", "%n") + node("d", "Add", "%e, %one");
  expect_recognised(spelled(scalar("one", "1"), exponential + node("y", "Div", "%x, %d")), UnaryKind::kSilu);
  expect_recognised(spelled(scalar("one", "1"), exponential + node("y", "Reciprocal", "%d")), UnaryKind::kSigmoid);
}

TEST(ActivationRecognition, HardSwishInManySpellings) {
  const std::string gate = node("a", "Add", "%x, %three") + node("c", "Clip", "%a", kClip6);
  const std::string relu_gate = node("a", "Add", "%three, %x") + node("r", "Relu", "%a") + node("c", "Min", "%r, %six");
  for (const std::string& first : {gate, relu_gate}) {
    expect_recognised(spelled(kThree + kSix, first + node("m", "Mul", "%x, %c") + node("y", "Div", "%m, %six")),
                      UnaryKind::kHardSwish);
    expect_recognised(spelled(kThree + kSix, first + node("m", "Div", "%c, %six") + node("y", "Mul", "%m, %x")),
                      UnaryKind::kHardSwish);
    expect_recognised(spelled(kThree + kSix + kSixth, first + node("m", "Mul", "%x, %sixth") + node("y", "Mul", "%c, %m")),
                      UnaryKind::kHardSwish);
    expect_recognised(spelled(kThree + kSix + kSixth, first + node("m", "Mul", "%sixth, %c") + node("y", "Mul", "%x, %m")),
                      UnaryKind::kHardSwish);
  }
  expect_recognised(spelled("", node("h", "HardSigmoid", "%x", kHard) + node("y", "Mul", "%h, %x")), UnaryKind::kHardSwish);
}

TEST(ActivationRecognition, HardSigmoid) {
  const std::string gate = node("a", "Add", "%x, %three") + node("c", "Clip", "%a", kClip6);
  expect_recognised(spelled(kThree + kSix, gate + node("y", "Div", "%c, %six")), UnaryKind::kHardSigmoid, 1.0f / 6, 0.5f);
  const std::string scaled =
      node("m", "Mul", "%x, %fifth") + node("a", "Add", "%m, %half") + node("y", "Clip", "%a", ", beta = 1");
  expect_recognised(spelled(scalar("fifth", "0.2") + scalar("half", "0.5"), scaled), UnaryKind::kHardSigmoid, 0.2f, 0.5f);
}

TEST(ActivationRecognition, AShortSixthIsAccepted) {
  const std::string nodes = node("a", "Add", "%x, %three") + node("c", "Clip", "%a", kClip6) + node("m", "Mul", "%c, %sixth") +
                            node("y", "Mul", "%m, %x");
  Graph graph = spelled(kThree + scalar("sixth", "0.16667"), nodes);
  EXPECT_TRUE(*activation_recognition(graph));
  EXPECT_EQ(only_unary(graph).kind, UnaryKind::kHardSwish);
}

TEST(ActivationRecognition, MishAndGelu) {
  expect_recognised(spelled("", node("p", "Softplus", "%x") + node("t", "Tanh", "%p") + node("y", "Mul", "%x, %t")),
                    UnaryKind::kMish);
  const std::string erf = node("d", "Div", "%x, %root") + node("e", "Erf", "%d") + node("a", "Add", "%e, %one");
  const std::string constants = scalar("root", "1.4142135") + scalar("one", "1") + scalar("half", "0.5");
  expect_recognised(spelled(constants, erf + node("m", "Mul", "%x, %a") + node("y", "Mul", "%m, %half")), UnaryKind::kGelu);
  expect_recognised(spelled(constants, erf + node("m", "Mul", "%half, %x") + node("y", "Mul", "%m, %a")), UnaryKind::kGelu);
  const std::string tanh_constants = scalar("three", "3") + scalar("c", "0.044715") + scalar("k", "0.7978846") + constants;
  const std::string tanh = node("p", "Pow", "%x, %three") + node("q", "Mul", "%c, %p") + node("r", "Add", "%x, %q") +
                           node("s", "Mul", "%r, %k") + node("t", "Tanh", "%s") + node("u", "Add", "%t, %one") +
                           node("v", "Mul", "%x, %u") + node("y", "Mul", "%half, %v");
  expect_recognised(spelled(tanh_constants, tanh), UnaryKind::kGeluTanh);
}

TEST(ActivationRecognition, LeakyReluAndClips) {
  expect_recognised(spelled(scalar("a", "0.1"), node("m", "Mul", "%a, %x") + node("y", "Max", "%x, %m")), UnaryKind::kLeakyRelu,
                    0.1f);
  expect_recognised(spelled(scalar("a", "0.25"), node("y", "PRelu", "%x, %a")), UnaryKind::kLeakyRelu, 0.25f);
  expect_recognised(spelled(scalar("zero", "0"), node("y", "Max", "%x, %zero")), UnaryKind::kRelu);
  expect_recognised(spelled("", node("r", "Relu", "%x") + node("y", "Clip", "%r", ", alpha = -1, beta = 6")), UnaryKind::kClip, 0,
                    6);
  expect_recognised(
      spelled("", node("c", "Clip", "%x", ", alpha = -2, beta = 5") + node("y", "Clip", "%c", ", alpha = -3, beta = 4")),
      UnaryKind::kClip, -2, 4);
}

TEST(ActivationRecognition, LeavesOtherFunctionsAlone) {
  expect_unchanged(spelled("", node("y", "Clip", "%x", kClip6)), activation_recognition);
  expect_unchanged(
      spelled(scalar("a", "1.702"), node("m", "Mul", "%a, %x") + node("s", "Sigmoid", "%m") + node("y", "Mul", "%x, %s")),
      activation_recognition);
  expect_unchanged(spelled(scalar("a", "2"), node("y", "Mul", "%x, %a")), activation_recognition);
  // At the greatest float it is infinite, and so would be a clip's bounds.
  expect_unchanged(spelled("", node("l", "LeakyRelu", "%x", ", alpha = 0.1") + node("y", "Mul", "%x, %l")), activation_recognition);
  expect_unchanged(spelled("  const %a : f32[4x1x1] = [0.1, 0.2, 0.3, 0.4]\n", node("y", "PRelu", "%x, %a")),
                   activation_recognition);
  expect_unchanged(spelled("", node("s", "Sigmoid", "%x") + node("t", "Tanh", "%x") + node("y", "Mul", "%s, %t")),
                   activation_recognition);
  expect_unchanged(spelled("", node("c", "Clip", "%x", ", alpha = -300, beta = 300") + node("s", "Sigmoid", "%x") +
                                   node("y", "Mul", "%c, %s")),
                   activation_recognition);
}

TEST(ActivationRecognition, KeepsWhatOthersRead) {
  Graph graph = spelled("", node("s", "Sigmoid", "%x") + node("y", "Mul", "%x, %s"));
  graph.outputs.push_back(graph.nodes[0].outputs[0]);
  const Graph after = expect_kept(graph, activation_recognition);
  EXPECT_EQ(count_nodes(after, "Sigmoid"), 1);
  EXPECT_EQ(count_nodes(after, "Silu"), 1);
}

TEST(ActivationRecognition, DoesNotReachThroughQuantizedValues) {
  const Graph graph = graph_of(R"(graph "g" {
  input %x : f32[4]
  %s : i8[4] affine([], [0.0078125], [-128]) = Unary(%x) {kind = Sigmoid} @"s"
  %y : f32[4] = Binary(%x, %s) {kind = Mul} @"y"
  output %y
})");
  expect_unchanged(graph, activation_recognition);
}

TEST(ActivationRecognition, RemovesArithmeticThatDoesNothing) {
  const Graph after =
      expect_kept(spelled(scalar("one", "1"), node("s", "Tanh", "%x") + node("y", "Mul", "%s, %one")), activation_recognition);
  EXPECT_EQ(after.nodes.size(), 1u);
}

}  // namespace
}  // namespace ht
