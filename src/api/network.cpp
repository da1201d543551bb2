// SPDX-License-Identifier: Apache-2.0
#include "api/network.h"

#include <unistd.h>

#include "kernels/registry.h"
#include "ops/prepare.h"
#include "plan/elide_copies.h"
#include "plan/in_place.h"
#include "plan/planes.h"

namespace ht {
namespace {

// A system that lends more memory than it has would end the program instead of refusing it.
Status check_arena(int64_t bytes) {
  const int64_t pages = ::sysconf(_SC_PHYS_PAGES), page = ::sysconf(_SC_PAGESIZE);
  if (pages <= 0 || page <= 0 || bytes / page < pages) return {};
  return input_error("its values need {} MB of memory at one time, more than this machine has; use smaller inputs", bytes >> 20);
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
    write_in_planes(made);
    quantize_from_planes(made);
    compute_in_place(made);
    const auto plan = std::make_shared<const Plan>(std::move(made));
    network->placement_ = Placement::make(plan, isa, {}, choose ? choose(plan) : std::vector<std::string>());
    network->isa_ = isa_name(best_usable_isa(isa));
  } else {
    HT_ASSIGN(network->program_, FloatProgram::make(graph, isa, threads));
    network->placement_ = network->program_->placement();
    HT_ASSIGN(network->isa_, FloatProgram::isa_name());
  }
  HT_TRY(check_arena(network->placement_->arena_bytes()));
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
