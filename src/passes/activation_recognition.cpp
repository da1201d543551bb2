// SPDX-License-Identifier: Apache-2.0
// Exporters spell activation functions in many ways: factors before or after, operands in any order, reciprocals as divisions.
// So a group of element-wise operators that depends on one value alone is evaluated at sample points and compared with the
// functions that have a name.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <variant>

#include "ops/binary/binary.h"
#include "ops/unary/unary.h"
#include "passes/passes.h"
#include "passes/rewrite.h"

namespace ht {
namespace {

constexpr size_t kMostNodes = 12;
// Relative where values exceed one. Exporters write 1/6 with five digits; no two named functions come closer than 4e-4.
constexpr double kTolerance = 2.5e-5;

bool is_arithmetic(BinaryKind kind) {
  return kind == BinaryKind::kAdd || kind == BinaryKind::kSub || kind == BinaryKind::kMul || kind == BinaryKind::kDiv ||
         kind == BinaryKind::kPow || kind == BinaryKind::kMin || kind == BinaryKind::kMax || kind == BinaryKind::kPRelu;
}

bool is_scalar_constant(const Graph& graph, ValueId id) { return constant_elements(graph, id).size() == 1; }

bool is_elementwise(const Graph& graph, const Node& node) {
  const auto* binary = std::get_if<Binary>(&node.op);
  const auto* unary = std::get_if<Unary>(&node.op);
  if (!(binary && is_arithmetic(binary->kind)) && !(unary && unary->kind != UnaryKind::kNot)) return false;
  const Shape& shape = graph.value(node.outputs[0]).type.shape;
  return std::ranges::all_of(node.inputs, [&](ValueId input) {
    return is_scalar_constant(graph, input) || (graph.value(input).type.shape == shape && !graph.is_constant(input));
  });
}

using Elementwise = std::variant<Unary, Binary>;

Elementwise elementwise(const Op& op) {
  if (const auto* unary = std::get_if<Unary>(&op)) return *unary;
  return std::get<Binary>(op);
}

// A function of one number, computed step by step.
class Program {
 public:
  // Element-wise nodes in the order of the graph, the last of which computes a function of `input` alone.
  Program(const Graph& graph, ValueId input, const std::vector<const Node*>& nodes);

  size_t size() const { return steps_.size(); }
  double evaluate(double x) const;
  bool operator==(const Program&) const = default;

 private:
  struct Step {
    Elementwise op;
    size_t a, b;  // positions in the memory; the result is appended
    bool operator==(const Step&) const = default;
  };

  std::vector<double> memory_;  // the input, then the constants
  std::vector<Step> steps_;
};

struct Region {
  ValueId input;
  Program program;
};

Program::Program(const Graph& graph, ValueId input, const std::vector<const Node*>& nodes) : memory_(1) {
  std::map<ValueId, size_t> places = {{input, 0}};
  for (const Node* node : nodes)
    for (ValueId id : node->inputs)
      if (graph.is_constant(id) && places.emplace(id, memory_.size()).second) memory_.push_back(constant_elements(graph, id)[0]);
  for (const Node* node : nodes) {
    steps_.push_back({elementwise(node->op), places.at(node->inputs.front()), places.at(node->inputs.back())});
    places.emplace(node->outputs[0], memory_.size() + steps_.size() - 1);
  }
}

double Program::evaluate(double x) const {
  std::vector<double> memory = memory_;
  memory.reserve(memory_.size() + steps_.size());
  memory[0] = x;
  for (const Step& step : steps_) {
    const auto* unary = std::get_if<Unary>(&step.op);
    memory.push_back(unary ? ht::evaluate(*unary, memory[step.a])
                           : ht::evaluate(std::get<Binary>(step.op), memory[step.a], memory[step.b]));
  }
  return memory.back();
}

// Every region that ends in the node, the smallest first.
std::vector<Region> regions_of(const Rewriter& rewriter, NodeId root) {
  const Graph& graph = rewriter.graph();
  std::vector<Region> regions;
  std::set<NodeId> inside = {root};
  // Values that are read from outside, with their producers; the latest one can depend on the others, never they on it.
  std::set<std::pair<int64_t, ValueId>> leaves;
  auto add_leaves = [&](const Node& node) {
    for (ValueId input : node.inputs) {
      const NodeId producer = rewriter.links().producer(input);
      if (!graph.is_constant(input)) leaves.emplace(producer.valid() ? int64_t{producer.index} : -1, input);
    }
  };
  add_leaves(graph.node(root));
  while (!leaves.empty() && inside.size() <= kMostNodes) {
    const auto [producer, latest] = *leaves.rbegin();
    if (leaves.size() == 1) {
      std::vector<const Node*> nodes;
      for (NodeId id : inside) nodes.push_back(&graph.node(id));
      regions.push_back({latest, Program(graph, latest, nodes)});
    }
    if (producer < 0 || !is_float32(graph.value(latest))) break;
    const auto id = NodeId(static_cast<size_t>(producer));
    if (!is_elementwise(graph, graph.node(id))) break;
    leaves.erase(std::prev(leaves.end()));
    inside.insert(id);
    add_leaves(graph.node(id));
  }
  return regions;
}

using Function = std::function<double(double)>;

bool agree(const Function& f, const Unary& named, double x) {
  const double got = f(x), wanted = evaluate(named, x);
  if (!std::isfinite(wanted)) return false;
  // A spelled-out exponential overflows where the named function does not.
  if (!std::isfinite(got)) return std::abs(x) > 80;
  return std::abs(got - wanted) <= kTolerance * std::max({1.0, std::abs(got), std::abs(wanted)});
}

constexpr auto kSamplePoints = [] {
  constexpr std::array kFar = {1.3, 13.3, 33.0, 64.7, 254.9, 1000.0, 65504.0, 1e6};
  std::array<double, 2 * kFar.size() + 257> points{};
  auto next = points.begin();
  for (double x : kFar) *next++ = x, *next++ = -x;
  for (int i = -128; i <= 128; ++i) *next++ = 0.09375 * i + 0.0071;
  return points;
}();

bool agree_everywhere(const Function& f, const Unary& named) {
  return std::ranges::all_of(kSamplePoints, [&](double x) { return agree(f, named, x); });
}

// Such as adding zero or multiplying by one; nothing that rounds.
bool is_identity(const Function& f) {
  return std::ranges::all_of(kSamplePoints, [&](double x) { return f(x) == x; });
}

// The named function that f is, with parameters read off f itself.
std::optional<Unary> recognise(const Function& f) {
  constexpr double kFar = std::numeric_limits<float>::max();
  const auto parameter = [&](double x) { return static_cast<float>(f(x)); };
  const auto slope = static_cast<float>((f(0.01) - f(-0.01)) / 0.02);
  std::vector<Unary> candidates = {{UnaryKind::kRelu, 0, 0}};
  if (f(-kFar) < f(kFar) && (f(-kFar) > -kFar || f(kFar) < kFar))
    candidates.push_back({UnaryKind::kClip, parameter(-kFar), parameter(kFar)});
  if (f(-1) < 0 && f(-1) != -1) candidates.push_back({UnaryKind::kLeakyRelu, -parameter(-1), 0});
  if (slope > 0) candidates.push_back({UnaryKind::kHardSigmoid, slope, parameter(0)});
  for (UnaryKind kind : {UnaryKind::kHardSwish, UnaryKind::kSigmoid, UnaryKind::kSilu, UnaryKind::kTanh, UnaryKind::kGelu,
                         UnaryKind::kGeluTanh, UnaryKind::kMish, UnaryKind::kSoftplus, UnaryKind::kSoftsign})
    candidates.push_back({kind, 0, 0});
  const auto found = std::ranges::find_if(candidates, [&](const Unary& named) {
    return std::isfinite(named.alpha) && std::isfinite(named.beta) && agree_everywhere(f, named);
  });
  return found == candidates.end() ? std::nullopt : std::optional(*found);
}

// What programs compute. A network repeats its few activations, and each is compared with the named functions once.
class Recogniser {
 public:
  struct Found {
    bool is_identity;
    std::optional<Unary> named;
  };

  const Found& find(const Program& program) {
    const auto known = std::ranges::find(known_, program, &std::pair<Program, Found>::first);
    if (known != known_.end()) return known->second;
    const auto f = [&](double x) { return program.evaluate(x); };
    return known_.emplace_back(program, Found{is_identity(f), recognise(f)}).second;
  }

  bool rewrite(Rewriter& rewriter, NodeId id) {
    const Graph& graph = rewriter.graph();
    const Node& root = rewriter.node(id);
    if (!is_elementwise(graph, root)) return false;
    auto regions = regions_of(rewriter, id);
    std::ranges::reverse(regions);
    for (const auto& [input, program] : regions) {
      if (program.size() == 1 && std::holds_alternative<Unary>(root.op)) continue;
      const Found& found = find(program);
      if (found.is_identity && have_same_numbers(graph.value(input), graph.value(root.outputs[0]))) return rewriter.bypass(id, input);
      if (found.named) return rewriter.replace(id, {root.name, *found.named, {input}, {}});
    }
    return false;
  }

 private:
  std::vector<std::pair<Program, Found>> known_;
};

}  // namespace

Result<bool> activation_recognition(Graph& graph) {
  Recogniser recogniser;
  return rewrite_nodes(graph, [&](Rewriter& rewriter, NodeId id) { return recogniser.rewrite(rewriter, id); });
}

}  // namespace ht
