// SPDX-License-Identifier: Apache-2.0
// What sessions of a plan give and show.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>

#include "net.h"
#include "ops/prepare.h"
#include "plan/elide_copies.h"
#include "runtime/session.h"

namespace ht {

inline std::vector<Tensor> outputs_of(const Plan& plan, std::span<const Tensor> inputs, Isa isa, int threads) {
  Session session(Placement::make(std::make_shared<const Plan>(plan), isa), threads);
  auto outputs = session.run(inputs);
  EXPECT_TRUE(outputs) << outputs.error().text();
  EXPECT_TRUE(*session.run(inputs) == *outputs);
  return *std::move(outputs);
}

// What an observer sees of each value, in ONNX's order.
inline std::map<std::string, std::vector<uint8_t>> observed(const Plan& plan, std::span<const Tensor> inputs) {
  Session session(Placement::make(std::make_shared<const Plan>(plan), Isa::kBest), 1);
  std::map<std::string, std::vector<uint8_t>> values;
  session.set_observer([&](const Buffer& buffer, std::span<uint8_t> bytes) {
    const auto size = static_cast<size_t>(dtype_size(buffer.dtype));
    const Shape strides = layout_strides(buffer.shape, buffer.layout), plain = layout_strides(buffer.shape, Layout::kPlain);
    auto& value = values[buffer.name];
    value.resize(bytes.size());
    for (size_t at = 0; at < bytes.size() / size; ++at) {
      int64_t from = 0, rest = static_cast<int64_t>(at);
      for (size_t axis = 0; axis < plain.size(); ++axis) from += rest / plain[axis] * strides[axis], rest %= plain[axis];
      std::copy_n(bytes.begin() + from * static_cast<int64_t>(size), size,
                  value.begin() + static_cast<std::ptrdiff_t>(at * size));
    }
  });
  EXPECT_TRUE(session.run(inputs));
  return values;
}

// Whether observers of a plan see all that those of the original see.
inline void expect_seen(const Plan& plan, const Plan& original, std::span<const Tensor> inputs) {
  const auto seen = observed(plan, inputs);
  for (const auto& [name, value] : observed(original, inputs)) {
    const auto found = seen.find(name);
    if (found == seen.end()) {
      ADD_FAILURE() << name << " is not seen";
    } else {
      EXPECT_TRUE(found->second == value) << name;
    }
  }
}

// A network's plan and what a pass makes of it, which have been compared.
struct PassedPlan {
  Plan before, after;
};
inline std::optional<PassedPlan> passed(Net& net, void (*pass)(Plan& plan)) {
  auto plan = make_plan(net.graph);
  if (!plan) return ADD_FAILURE() << plan.error().text(), std::nullopt;
  elide_copies(*plan);
  PassedPlan plans{*plan, *plan};
  pass(plans.after);
  const std::vector<Tensor> inputs = inputs_of(net);
  const std::vector<Tensor> expected = outputs_of(plans.before, inputs, Isa::kC, 1);
  for (Isa isa : {Isa::kC, Isa::kBest})
    for (int threads : {1, 2, 3}) EXPECT_TRUE(outputs_of(plans.after, inputs, isa, threads) == expected);
  expect_seen(plans.after, plans.before, inputs);
  return plans;
}

}  // namespace ht
