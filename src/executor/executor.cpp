// SPDX-License-Identifier: Apache-2.0
#include "executor/executor.h"

#include <atomic>

#include "executor/dnnl.h"
#include "executor/dnnl_steps.h"
#include "ir/dequantize.h"
#include "ops/prepare.h"

namespace ht {
namespace {

dnnl::cpu_isa dnnl_isa(Isa isa) {
  switch (isa) {
    case Isa::kC: return dnnl::cpu_isa::sse41;
    case Isa::kAvx2: return dnnl::cpu_isa::avx2;
    case Isa::kAvx512Vnni: return dnnl::cpu_isa::avx512_core_vnni;
    case Isa::kAmx:
    case Isa::kNeon:
    case Isa::kDotprod:
    case Isa::kI8mm:
    case Isa::kBest: break;
  }
  return dnnl::cpu_isa::all;
}

std::string_view effective_isa() {
  switch (dnnl::get_effective_cpu_isa()) {
    case dnnl::cpu_isa::sse41:
      return "sse41";
    case dnnl::cpu_isa::avx:
      return "avx";
    case dnnl::cpu_isa::avx2:
      return "avx2";
    case dnnl::cpu_isa::avx2_vnni:
      return "avx2_vnni";
    case dnnl::cpu_isa::avx512_core:
      return "avx512_core";
    case dnnl::cpu_isa::avx512_core_vnni:
      return "avx512_core_vnni";
    case dnnl::cpu_isa::avx512_core_bf16:
      return "avx512_core_bf16";
    case dnnl::cpu_isa::avx512_core_amx:
      return "avx512_core_amx";
    default:
      return "other";
  }
}

// The same network without integers: constants dequantized, conversions gone from the types.
Graph as_float(const Graph& graph) {
  Graph real = graph;
  for (Value& value : real.values) {
    if (!value.type.affine) continue;
    if (value.constant) value.constant = dequantize(*value.constant, value.type.affine);
    value.type = {DType::kFloat32, value.type.shape, std::nullopt};
  }
  return real;
}

}  // namespace

Result<std::string> FloatProgram::isa_name() {
  HT_TRY(load_dnnl());
  return std::string(effective_isa());
}

Result<std::shared_ptr<const FloatProgram>> FloatProgram::make(const Graph& graph, Isa isa, int threads) {
  HT_TRY(load_dnnl());
  if (isa != Isa::kBest && dnnl::set_max_cpu_isa(dnnl_isa(isa)) != dnnl::status::success) {
    // oneDNN's choice is made once a process; it is good enough when it is within the cap.
    const auto effective = static_cast<unsigned>(dnnl::get_effective_cpu_isa());
    if ((effective & ~static_cast<unsigned>(dnnl_isa(isa))) != 0)
      return usage_error("this process already computes floats with {}, above the instruction set asked for now",
                         effective_isa());
  }
  HT_ASSIGN(Plan plan, make_plan(as_float(graph)));
  auto program = std::shared_ptr<FloatProgram>(new FloatProgram);
  program->threads_ = threads;
  openmp::set_num_threads(threads);
  program->placement_ = Placement::make(std::make_shared<const Plan>(std::move(plan)), isa, dnnl_step);
  return std::shared_ptr<const FloatProgram>(std::move(program));
}

namespace {

struct SharedWork {
  const std::function<void(int64_t, int)>& task;
  const int64_t count;
  std::atomic<int64_t> next = 0;

  // The caller is written in C.
  static void take(void* data) noexcept {
    auto& work = *static_cast<SharedWork*>(data);
    const int worker = openmp::get_thread_num();
    for (int64_t index; (index = work.next.fetch_add(1, std::memory_order_relaxed)) < work.count;) work.task(index, worker);
  }
};

// oneDNN's OpenMP threads spin between its calls, so the other steps use them too.
Session make_session(const FloatProgram& program) {
  const int threads = program.threads();
  if (threads == 1) return Session(program.placement(), 1);
  ParallelFor parallel = [threads](int64_t count, const std::function<void(int64_t, int)>& task) {
    SharedWork work{task, count};
    openmp::parallel(SharedWork::take, &work, static_cast<unsigned>(threads), 0);
  };
  return Session(program.placement(), threads, std::move(parallel));
}

}  // namespace

FloatExecutor::FloatExecutor(const FloatProgram& program) : session_(make_session(program)), threads_(program.threads()) {}

Status FloatExecutor::run(std::span<const Tensor> inputs, std::vector<Tensor>& outputs) {
  openmp::set_num_threads(threads_);
  return session_.run(inputs, outputs);
}

Result<std::vector<Tensor>> FloatExecutor::run(std::span<const Tensor> inputs) {
  std::vector<Tensor> outputs;
  HT_TRY(run(inputs, outputs));
  return outputs;
}

void FloatExecutor::compute() {
  openmp::set_num_threads(threads_);
  session_.compute();
}

}  // namespace ht
