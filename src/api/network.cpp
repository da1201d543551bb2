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

Result<std::shared_ptr<const Network>> Network::make(const Graph& graph, bool in_integers, Isa isa, int threads, const ChooseKernels& choose) {
  auto network = std::make_shared<Network>();
  if (in_integers) {
    HT_ASSIGN(Plan made, make_plan(graph));
    elide_copies(made);
    const auto plan = std::make_shared<const Plan>(std::move(made));
    network->placement_ = Placement::make(plan, isa, {}, choose ? choose(plan) : std::vector<std::string>());
    network->isa_ = isa_name(effective_isa(isa));
  } else {
    HT_ASSIGN(network->program_, FloatProgram::make(graph, isa, threads));
    network->placement_ = network->program_->placement();
    network->isa_ = FloatProgram::isa_name();
  }
  return std::shared_ptr<const Network>(std::move(network));
}

std::shared_ptr<const Network> Network::observed_by(Session::Observer observer) const {
  auto network = std::make_shared<Network>(*this);
  network->observer_ = std::move(observer);
  return network;
}

Runner::Runner(const Network& network, int threads) : how_(make_runner(network.program_.get(), network.placement_, threads)) {
  if (network.observer_) session().set_observer(network.observer_);
}

Session& Runner::session() {
  auto* executor = std::get_if<FloatExecutor>(&how_);
  return executor ? executor->session() : std::get<Session>(how_);
}

Result<std::vector<Tensor>> Runner::run(std::span<const Tensor> inputs) {
  return std::visit([&](auto& how) { return how.run(inputs); }, how_);
}

Status Runner::run(std::span<const Tensor> inputs, std::vector<Tensor>& outputs) {
  return std::visit([&](auto& how) { return how.run(inputs, outputs); }, how_);
}

void Runner::compute() {
  std::visit([](auto& how) { how.compute(); }, how_);
}

Result<std::shared_ptr<const Network>> Networks::get(const Graph& graph, bool in_integers, Isa isa, int threads, const ChooseKernels& choose) {
  const std::lock_guard lock(mutex_);
  const bool is_chosen = choose != nullptr;
  std::weak_ptr<const Network>& known = networks_[{isa, in_integers && !is_chosen ? 0 : threads, is_chosen}];
  if (auto network = known.lock()) return network;
  HT_ASSIGN(auto network, Network::make(graph, in_integers, isa, threads, choose));
  known = network;
  return network;
}

}  // namespace ht
