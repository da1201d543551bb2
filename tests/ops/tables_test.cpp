// SPDX-License-Identifier: Apache-2.0
// The int8 tables that a plan gives to functions of one element, against each function stated anew.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "ops/prepare.h"

namespace ht {
namespace {

struct Case {
  Unary unary;
  std::function<double(double)> function;
};

double logistic(double x) { return 0.5 + 0.5 * std::tanh(x / 2); }
double log_of_sum(double x) { return std::log(1 + std::exp(x)); }

const Case kCases[] = {
    {{UnaryKind::kRelu, 0, 0}, [](double x) { return x > 0 ? x : 0; }},
    {{UnaryKind::kLeakyRelu, 0.25f, 0}, [](double x) { return x > 0 ? x : x / 4; }},
    {{UnaryKind::kClip, -1, 2}, [](double x) { return std::min(std::max(x, -1.0), 2.0); }},
    {{UnaryKind::kSigmoid, 0, 0}, logistic},
    {{UnaryKind::kHardSigmoid, 0.25f, 0.5f}, [](double x) { return std::min(std::max(x / 4 + 0.5, 0.0), 1.0); }},
    {{UnaryKind::kSilu, 0, 0}, [](double x) { return x * logistic(x); }},
    {{UnaryKind::kHardSwish, 0, 0}, [](double x) { return x * std::min(std::max(x + 3, 0.0), 6.0) / 6; }},
    {{UnaryKind::kTanh, 0, 0}, [](double x) { return (std::exp(2 * x) - 1) / (std::exp(2 * x) + 1); }},
    {{UnaryKind::kGelu, 0, 0}, [](double x) { return x * (1 + std::erf(x / std::sqrt(2.0))) / 2; }},
    {{UnaryKind::kErf, 0, 0}, [](double x) { return 1 - std::erfc(x); }},
    {{UnaryKind::kElu, 2, 0}, [](double x) { return x > 0 ? x : 2 * (std::exp(x) - 1); }},
    {{UnaryKind::kSelu, 1.5f, 1.25f}, [](double x) { return 1.25 * (x > 0 ? x : 1.5 * (std::exp(x) - 1)); }},
    {{UnaryKind::kCelu, 2, 0}, [](double x) { return x > 0 ? x : 2 * (std::exp(x / 2) - 1); }},
    {{UnaryKind::kSoftplus, 0, 0}, log_of_sum},
    {{UnaryKind::kSoftsign, 0, 0}, [](double x) { return x > 0 ? x / (1 + x) : x / (1 - x); }},
    {{UnaryKind::kMish, 0, 0}, [](double x) { return x * std::tanh(log_of_sum(x)); }},
    {{UnaryKind::kExp, 0, 0}, [](double x) { return std::pow(std::exp(1.0), x); }},
    {{UnaryKind::kNeg, 0, 0}, [](double x) { return 0 - x; }},
    {{UnaryKind::kAbs, 0, 0}, [](double x) { return x > 0 ? x : -x; }},
    {{UnaryKind::kSin, 0, 0}, [](double x) { return std::cos(x - std::acos(0.0)); }},
    {{UnaryKind::kSign, 0, 0}, [](double x) { return x > 0 ? 1 : x < 0 ? -1 : 0; }},
};

// The table of a graph that is this one operator, q to the function of (q - 5) / 30, in steps of 1 / 40 from -7 on.
std::vector<int8_t> table_of(const Unary& unary) {
  const auto typed = [](float scale, int32_t zero_point) {
    return TensorType{DType::kInt8, {4, 64}, *Affine::per_tensor(scale, zero_point)};
  };
  Graph graph;
  const ValueId x = graph.add_value({"x", typed(1.0f / 30, 5), std::nullopt});
  const ValueId y = graph.add_value({"y", typed(1.0f / 40, -7), std::nullopt});
  graph.inputs = {x};
  graph.nodes.push_back({"node", unary, {x}, {y}});
  graph.outputs = {y};
  const auto plan = make_plan(graph);
  if (!plan) return ADD_FAILURE() << plan.error().text(), std::vector<int8_t>();
  const auto step = std::ranges::find(plan->steps, KernelId::k_table, &Step::kernel);
  if (step == plan->steps.end()) return {};
  const int8_t* table = std::get<ht_table_params>(step->params).table;
  return {table, table + 256};
}

TEST(Tables, HoldTheFunctionItself) {
  for (const Case& c : kCases) {
    const std::vector<int8_t> table = table_of(c.unary);
    ASSERT_EQ(table.size(), 256u) << op_name(Op(c.unary));
    for (int q = -128; q < 128; ++q) {
      const double exact = c.function((q - 5) * static_cast<double>(1.0f / 30)) / static_cast<double>(1.0f / 40) - 7;
      // Halves may go either way, because the two statements differ in the last places.
      EXPECT_NEAR(table[static_cast<size_t>(q + 128)], std::clamp(exact, -128.0, 127.0), 0.5 + 1e-6) << op_name(Op(c.unary)) << " of " << q;
    }
  }
}

}  // namespace
}  // namespace ht
