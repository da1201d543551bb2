// SPDX-License-Identifier: Apache-2.0
// A call of a kernel on made-up tensors, timed for each variant that this machine can run.
#pragma once

#include <benchmark/benchmark.h>

#include <any>
#include <list>
#include <string>

#include "kernels/epilogue.h"
#include "kernels/self_check_pieces.h"
#include "kernels/peak.h"

namespace ht::bench {

// What calls point to; lives until all have been timed.
class Arrays {
 public:
  template <class T>
  const T& keep(T value) {
    return std::any_cast<const T&>(kept_.emplace_back(std::move(value)));
  }
  const int8_t* bytes(int64_t count) { return keep(random_.bytes(count)).data(); }
  const int32_t* integers(int64_t count, int32_t limit) { return keep(random_.integers(count, -limit, limit)).data(); }
  const float* floats(int64_t count, double low, double high) { return keep(random_.floats(count, low, high)).data(); }

 private:
  self_check::Random random_{1};
  std::list<std::any> kept_;
};

// Operations and what can be done at most a second, or bytes that are read and written.
struct Work {
  double amount;
  double (*peak)(Isa);  // none: of bytes
};
inline Work products(int64_t count) { return {2 * static_cast<double>(count), int8_peak}; }
inline Work float_products(int64_t count) { return {2 * static_cast<double>(count), float_peak}; }
inline Work moves(int64_t bytes) { return {static_cast<double>(bytes), nullptr}; }

template <class Params>
struct Call {
  std::string name;
  Params params;
  std::vector<const void*> inputs;
  int64_t output_bytes;
  int32_t units;
  Work work;
};

template <class Params>
void time_variant(benchmark::State& state, const Kernel<Params>& kernel, const Call<Params>& call) {
  Params params = call.params;
  const auto scratch = self_check::aligned_memory(kernel.scratch_bytes(params));
  const auto packed = self_check::aligned_memory(kernel.packed_bytes(params));
  const auto output = self_check::aligned_memory(static_cast<size_t>(call.output_bytes));
  if constexpr (requires { params.packed; }) {
    params.packed = packed.get();
    if (kernel.pack) kernel.pack(&params, packed.get());
  }
  ht_arguments arguments{{}, output.get(), scratch.get()};
  std::copy(call.inputs.begin(), call.inputs.end(), arguments.inputs);
  const ProcessorTime time;
  for (auto _ : state) {
    kernel.run(&params, &arguments, 0, call.units);
    benchmark::ClobberMemory();
  }
  const auto [amount, peak] = call.work;
  const double rate = amount * static_cast<double>(state.iterations()) / time.seconds();
  const double most = peak ? peak(kernel.isa) : copy_peak(static_cast<size_t>(amount));
  state.counters[peak ? "GOPS" : "GB/s"] = rate / 1e9;
  if (most > 0) state.counters["percent"] = 100 * rate / most;
}

template <class Params>
void add(std::span<const Kernel<Params>> kernels, const Call<Params>& call) {
  for (const Kernel<Params>& kernel : kernels) {
    if (!isa_usable(kernel.isa, Isa::kBest) || (kernel.accepts && !kernel.accepts(call.params))) continue;
    benchmark::RegisterBenchmark((std::string(kernel.name) + "/" + call.name).c_str(), [kernel, call](benchmark::State& state) {
      time_variant(state, kernel, call);
    })->Unit(benchmark::kMicrosecond);
  }
}

void add_windows(Arrays& arrays);   // windows, rows or depths that are added up
void add_elements(Arrays& arrays);  // elements one by one, moved, or reduced along an axis

}  // namespace ht::bench
