// SPDX-License-Identifier: Apache-2.0
#include "api/network.h"

#include <algorithm>

#include "kernels/registry.h"
#include "ops/prepare.h"
#include "plan/elide_copies.h"

namespace ht {
namespace {

// The best instruction set of this machine within the cap.
Isa effective_isa(Isa cap) {
  const Isa detected = detect_isa();
  return isa_usable(detected, cap) ? detected : cap;
}

std::variant<FloatExecutor, Session> make_runner(const FloatProgram* program, std::shared_ptr<const Placement> placement, int threads) {
  if (program) return FloatExecutor(*program);
  return Session(std::move(placement), threads);
}

}  // namespace

Result<std::shared_ptr<const Network>> Network::make(const Graph& graph, bool in_integers, Isa isa, int threads) {
  auto network = std::make_shared<Network>();
  network->threads_ = threads;
  if (in_integers) {
    HT_ASSIGN(Plan plan, make_plan(graph));
    elide_copies(plan);
    network->placement_ = Placement::make(std::make_shared<const Plan>(std::move(plan)), isa);
    network->isa_ = isa_name(effective_isa(isa));
  } else {
    HT_ASSIGN(network->program_, FloatProgram::make(graph, isa, threads));
    network->placement_ = network->program_->placement();
    network->isa_ = FloatProgram::isa_name();
  }
  return std::shared_ptr<const Network>(std::move(network));
}

Runner::Runner(const Network& network) : how_(make_runner(network.program_.get(), network.placement_, network.threads_)) {}

Session& Runner::session() {
  auto* executor = std::get_if<FloatExecutor>(&how_);
  return executor ? executor->session() : std::get<Session>(how_);
}

Result<std::vector<Tensor>> Runner::run(std::span<const Tensor> inputs) {
  return std::visit([&](auto& how) { return how.run(inputs); }, how_);
}

}  // namespace ht
