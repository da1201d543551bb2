// SPDX-License-Identifier: Apache-2.0
#include "executor/executor.h"

#include <omp.h>

#include <oneapi/dnnl/dnnl.hpp>

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

std::string FloatProgram::isa_name() {
  switch (dnnl::get_effective_cpu_isa()) {
    case dnnl::cpu_isa::sse41: return "sse41";
    case dnnl::cpu_isa::avx: return "avx";
    case dnnl::cpu_isa::avx2: return "avx2";
    case dnnl::cpu_isa::avx2_vnni: return "avx2_vnni";
    case dnnl::cpu_isa::avx512_core: return "avx512_core";
    case dnnl::cpu_isa::avx512_core_vnni: return "avx512_core_vnni";
    case dnnl::cpu_isa::avx512_core_bf16: return "avx512_core_bf16";
    case dnnl::cpu_isa::avx512_core_amx: return "avx512_core_amx";
    default: return "other";
  }
}

Result<std::shared_ptr<const FloatProgram>> FloatProgram::make(const Graph& graph, Isa isa, int threads) {
  if (isa != Isa::kBest && dnnl::set_max_cpu_isa(dnnl_isa(isa)) != dnnl::status::success) {
    // oneDNN's choice is made once a process; it is good enough when it is within the cap.
    const auto effective = static_cast<unsigned>(dnnl::get_effective_cpu_isa());
    if ((effective & ~static_cast<unsigned>(dnnl_isa(isa))) != 0)
      return usage_error("this process already computes floats with {}, above the instruction set asked for now", isa_name());
  }
  HT_ASSIGN(Plan plan, make_plan(as_float(graph)));
  auto program = std::shared_ptr<FloatProgram>(new FloatProgram);
  program->threads_ = threads;
  omp_set_num_threads(threads);  // of the calling thread
  program->placement_ = Placement::make(std::make_shared<const Plan>(std::move(plan)), isa, dnnl_step);
  return std::shared_ptr<const FloatProgram>(std::move(program));
}

namespace {

// oneDNN's OpenMP threads spin between its calls, so the other steps use them too.
Session make_session(const FloatProgram& program) {
  const int threads = program.threads();
  if (threads == 1) return Session(program.placement(), 1);
  ParallelFor parallel = [threads](int64_t count, const std::function<void(int64_t, int)>& task) {
#pragma omp parallel for schedule(dynamic) num_threads(threads)
    for (int64_t index = 0; index < count; ++index) task(index, omp_get_thread_num());
  };
  return Session(program.placement(), threads, std::move(parallel));
}

}  // namespace

FloatExecutor::FloatExecutor(const FloatProgram& program) : session_(make_session(program)), threads_(program.threads()) {}

Status FloatExecutor::run(std::span<const Tensor> inputs, std::vector<Tensor>& outputs) {
  omp_set_num_threads(threads_);  // of the calling thread
  return session_.run(inputs, outputs);
}

Result<std::vector<Tensor>> FloatExecutor::run(std::span<const Tensor> inputs) {
  std::vector<Tensor> outputs;
  HT_TRY(run(inputs, outputs));
  return outputs;
}

void FloatExecutor::compute() {
  omp_set_num_threads(threads_);
  session_.compute();
}

}  // namespace ht
