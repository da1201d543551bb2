// SPDX-License-Identifier: Apache-2.0
#include "codegen/bundle.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <span>
#include <string_view>

#include "codegen/bundle_name.h"
#include "codegen/fields.h"
#include "codegen/interface.h"
#include "codegen/parts.h"
#include "kernels/cortex_m/ht_conv_walk_dsp.h"
#include "plan/elide_copies.h"

namespace ht {
namespace {

// Adds a step's arrays to the constants.
class Collector {
 public:
  Collector(ConstantPool& pool, size_t step, const BundleCall& call) : pool_(pool), step_(step), call_(call) {}

  template <class T>
  void number(const char*, const T&) {}
  template <class T>
  void numbers(const char*, const T&) {}
  template <class T>
  void array(const char* name, const T* pointer, int64_t count) {
    if (pointer && count > 0) add(name, CTypeOf<T>::kType, pointer, count * static_cast<int64_t>(sizeof(T)));
  }
  void elements(const char* name, const void* pointer, int32_t bytes, int64_t count) {
    if (pointer && count > 0) add(name, c_type_of_bytes(bytes), pointer, count * bytes);
  }
  void packed(const void* pointer) {
    if (pointer) add("packed", CTypeOf<uint32_t>::kType, pointer, static_cast<int64_t>(call_.packed->size()));
  }
  template <class S, class Inside>
  void group(const char*, const S&, Inside inside) {
    inside(*this);
  }

 private:
  void add(const char* name, const CType& type, const void* pointer, int64_t bytes) {
    pool_.add(array_wish(step_, name), type, {static_cast<const uint8_t*>(pointer), static_cast<size_t>(bytes)});
  }

  ConstantPool& pool_;
  size_t step_;
  const BundleCall& call_;
};

// The bytes of a parameter struct where pointers have as many as given.
class StructSize {
 public:
  explicit StructSize(int64_t pointer_bytes) : pointer_bytes_(pointer_bytes) {}
  int64_t bytes() const { return (end_ + alignment_ - 1) / alignment_ * alignment_; }

  template <class T>
  void number(const char*, const T&) {
    member(sizeof(T), 1);
  }
  template <class T, size_t N>
  void numbers(const char*, const T (&)[N]) {
    member(sizeof(T), N);
  }
  template <class T, size_t N, size_t M>
  void numbers(const char*, const T (&)[N][M]) {
    member(sizeof(T), N * M);
  }
  template <class T>
  void array(const char*, const T*, int64_t) {
    member(pointer_bytes_, 1);
  }
  void elements(const char*, const void*, int32_t, int64_t) { member(pointer_bytes_, 1); }
  void packed(const void*) { member(pointer_bytes_, 1); }
  template <class S, class Inside>
  void group(const char*, const S&, Inside inside) {
    StructSize inner(pointer_bytes_);
    inside(inner);
    place(inner.alignment_, inner.bytes());
  }

 private:
  void member(int64_t bytes, int64_t count) { place(bytes, bytes * count); }
  void place(int64_t alignment, int64_t bytes) {
    end_ = (end_ + alignment - 1) / alignment * alignment + bytes;
    alignment_ = std::max(alignment_, alignment);
  }

  int64_t pointer_bytes_, end_ = 0, alignment_ = 1;
};

// Policies and outputs of a step's epilogue.
class UseOf {
 public:
  explicit UseOf(KernelUse& use) : use_(use) {}

  template <class T>
  void number(const char*, const T&) {}
  template <class T>
  void numbers(const char*, const T&) {}
  template <class T>
  void array(const char*, const T*, int64_t) {}
  void elements(const char*, const void*, int32_t, int64_t) {}
  void packed(const void*) {}
  template <class S, class Inside>
  void group(const char*, const S&, Inside inside) {
    inside(*this);
  }
  template <class Inside>
  void group(const char*, const ht_epilogue& e, Inside) {
    use_.outputs |= 1u << e.output;
    if (e.output != HT_OUTPUT_F32 && e.output != HT_OUTPUT_S32) use_.policies |= 1u << e.policy;
  }

 private:
  KernelUse& use_;
};

bool is_plain(const ht_depthwise_params& p) {
  return p.kernel_height == 3 && p.kernel_width == 3 && p.dilation_height == 1 && p.dilation_width == 1 && p.stride_width <= 2 && p.channel_multiplier == 1 &&
         p.input_channels % 4 == 0;
}

bool is_adjacent(const ht_broadcast& shape) { return shape.a_stride[shape.rank - 1] == 1 && shape.b_stride[shape.rank - 1] == 1; }

bool has_bounds(const ht_epilogue& e, int64_t channels) {
  if (e.output != HT_OUTPUT_S8) return false;
  return std::any_of(e.minimum, e.minimum + channels, [](int8_t bound) { return bound != INT8_MIN; }) ||
         std::any_of(e.maximum, e.maximum + channels, [](int8_t bound) { return bound != INT8_MAX; });
}

KernelUse use_of(const Plan& plan) {
  KernelUse use;
  for (const Step& step : plan.steps) {
    const auto* pool = std::get_if<ht_pool_params>(&step.params);
    const auto* binary = std::get_if<ht_binary_params>(&step.params);
    if (binary) {
      use.policies |= 1u << binary->policy, use.binaries |= 1u << binary->kind;
      use.adjacent_binary = use.adjacent_binary && is_adjacent(binary->shape);
    }
    if (const auto* depthwise = std::get_if<ht_depthwise_params>(&step.params)) {
      use.plain_depthwise = use.plain_depthwise && is_plain(*depthwise);
      use.bounds = use.bounds || has_bounds(depthwise->epilogue, depthwise_outputs(*depthwise));
    }
    if (const auto* conv = std::get_if<ht_conv_params>(&step.params)) {
      use.few_outputs = use.few_outputs && conv->output_channels / conv->groups <= HT_MOST_EXPANDED;
      use.bounds = use.bounds || has_bounds(conv->epilogue, conv->output_channels);
    }
    if (const auto* resample = std::get_if<ht_resample_params>(&step.params))
      use.nearest_resample = use.nearest_resample && resample->y.taps == 1 && resample->x.taps == 1;
    if (pool) use.pools |= 1u << pool->kind;
    if (const auto* softmax = std::get_if<ht_softmax_f32_params>(&step.params))
      use.softmaxes |= 1u << ((softmax->inner == 1 ? HT_SOFTMAX_ADJACENT : HT_SOFTMAX_BESIDE) + (softmax->logarithm ? 1 : 0));
    UseOf visitor(use);
    if (!pool || pool->kind == HT_POOL_AVERAGE) std::visit([&](const auto& params) { fields(params, visitor); }, step.params);
    const auto is_float = [&](BufferId id) { return plan.buffer(id).dtype == DType::kFloat32; };
    use.floats = use.floats || is_float(step.output) || std::ranges::any_of(step.inputs, is_float);
  }
  constexpr uint32_t kFloatPolicies = 1u << HT_FLOAT_HALF_EVEN | 1u << HT_FLOAT_HALF_AWAY;
  use.floats = use.floats || (use.policies & kFloatPolicies) != 0;
  return use;
}

std::shared_ptr<const ConstantPool> collect_constants(const Design& design) {
  auto pool = std::make_shared<ConstantPool>(design.name() + "_");
  const Plan& plan = design.plan;
  for (size_t i = 0; i < plan.steps.size(); ++i) {
    Collector collector(*pool, i, design.calls[i]);
    std::visit([&](const auto& params) { fields(params, collector); }, design.params[i]);
    for (BufferId input : plan.steps[i].inputs) {
      const Buffer& root = plan.buffer(plan.root(input));
      if (root.constant && !root.constant->empty()) pool->add(array_wish(i, "input"), *c_type(root.dtype), *root.constant);
    }
  }
  pool->settle();
  return pool;
}

// Adds a step's arrays of some names to the constants.
class NamedArrays {
 public:
  NamedArrays(ConstantPool& pool, std::vector<std::string_view> names) : pool_(pool), names_(std::move(names)) {}

  bool found = false;

  template <class T>
  void number(const char*, const T&) {}
  template <class T>
  void numbers(const char*, const T&) {}
  template <class T>
  void array(std::string_view name, const T* pointer, int64_t count) {
    if (!pointer || std::ranges::find(names_, name) == names_.end()) return;
    found = true;
    const std::span<const T> values(pointer, static_cast<size_t>(count));
    pool_.add(name, CTypeOf<T>::kType, {reinterpret_cast<const uint8_t*>(values.data()), values.size_bytes()});
  }
  void elements(const char*, const void*, int32_t, int64_t) {}
  void packed(const void*) {}
  template <class S, class Inside>
  void group(const char*, const S&, Inside inside) {
    inside(*this);
  }

 private:
  ConstantPool& pool_;
  std::vector<std::string_view> names_;
};

int64_t channels_of(const KernelParams& params) {
  if (const auto* conv = std::get_if<ht_conv_params>(&params)) return conv->output_channels;
  if (const auto* depthwise = std::get_if<ht_depthwise_params>(&params)) return depthwise_outputs(*depthwise);
  return 0;
}

// The model's own numbers, and all arrays of the steps that have weights.
void count_own_bytes(Design& design) {
  ConstantPool weights(""), biases(""), multipliers(""), layers("");
  std::set<std::string> known;  // layers that are packed shorter
  int64_t bias_bits = 0, multiplier_bits = 0;  // of these
  for (size_t i = 0; i < design.plan.steps.size(); ++i) {
    const auto add = [&](ConstantPool& pool, std::vector<std::string_view> names) {
      NamedArrays visitor(pool, std::move(names));
      std::visit([&](const auto& params) { fields(params, visitor); }, design.plan.steps[i].params);
      return visitor.found;
    };
    const BundleCall& call = design.calls[i];
    const bool is_short = call.short_numbers.bias_bits != 0, has_weights = add(weights, {"weights", "multiples"}),
               has_biases = !is_short && add(biases, {"bias"});
    if (!has_weights && !has_biases) continue;
    if (!is_short) {
      add(multipliers, {"fixed", "real", "scale"});
    } else if (known.emplace(call.packed->begin(), call.packed->end()).second) {
      bias_bits += call.short_numbers.bias_bits * channels_of(design.plan.steps[i].params);
      multiplier_bits += call.short_numbers.multiplier_bits * channels_of(design.plan.steps[i].params);
    }
    Collector collector(layers, i, design.calls[i]);
    std::visit([&](const auto& params) { fields(params, collector); }, design.params[i]);
  }
  for (ConstantPool* pool : {&weights, &biases, &multipliers, &layers}) pool->settle();
  design.weight_bytes = weights.bytes();
  design.bias_bytes = biases.bytes() + bias_bits / 8;
  design.multiplier_bytes = multipliers.bytes() + multiplier_bits / 8;
  design.channel_bytes = layers.bytes() - design.weight_bytes - design.bias_bytes - design.multiplier_bytes;
}

Status check_types(const Plan& plan) {
  for (const Buffer& buffer : plan.buffers)
    if (!c_type(buffer.dtype))
      return unsupported("values of type {} have no form in C bundles", dtype_name(buffer.dtype)).in("value " + buffer.name);
  if (plan.inputs.empty() || plan.outputs.empty()) return unsupported("a bundle needs an input and an output, and the model lacks one");
  return {};
}

// Lays out the arena and chooses kernels.
Status place_steps(Design& design) {
  const Cpu& cpu = *design.options.cpu;
  const BundleOptions& o = design.options;
  HT_ASSIGN(design.memory, plan_memory(design.plan, {o.arena_bytes, o.ports_in_arena, o.input_window,
                                                     [&](const Step& step) { return static_cast<int64_t>(bundle_scratch(cpu, step)); }}));
  for (const Step& step : design.plan.steps) {
    design.calls.push_back(bundle_call(cpu, step));
    design.params.push_back(params_of(step, design.calls.back()));
  }
  return {};
}

// Steps that are told the same share their parameters: those of one layer in several bands.
void share_parameters(Design& design) {
  std::map<std::string, size_t> known;
  for (size_t i = 0; i < design.params.size(); ++i)
    design.parameters_of.push_back(
        known.emplace(fmt::format("{} {}", design.params[i].index(), parameters_text(design, i)), i).first->second);
  design.table = step_table(design);
  design.parameter_bytes = design.table.bytes;
  for (const size_t i : steps_with_structs(design)) {
    StructSize size(design.options.cpu->pointer_bytes);
    std::visit([&](const auto& p) { fields(p, size); }, design.params[i]);
    design.parameter_bytes += size.bytes();
  }
}

std::vector<Port> ports_of(const Plan& plan, const std::vector<BufferId>& buffers, Identifiers& names) {
  std::vector<Port> ports;
  for (BufferId id : buffers) ports.push_back({names.make(plan.buffer(id).name), plan.buffer(id).name, id});
  return ports;
}

}  // namespace

std::string array_wish(size_t step, std::string_view field) { return fmt::format("step{}_{}", step, field); }

std::string made_by(const Design& design, std::string_view what) {
  return fmt::format("/* {} Made by halftone {} from {} for {}. */\n", what, design.options.version, comment_text(design.options.model), design.options.cpu->name);
}

std::string type_text(const Buffer& buffer) {
  return fmt::format("{} {}", c_type(buffer.dtype)->name, shape_text(memory_shape(buffer.shape, buffer.layout)));
}

std::set<size_t> steps_with_structs(const Design& design) {
  std::set<size_t> steps;
  for (size_t i = 0; i < design.calls.size(); ++i)
    if (design.calls[i].units > 0 && design.table.rows[i].empty()) steps.insert(design.parameters_of[i]);
  return steps;
}

int64_t Design::port_bytes() const {
  int64_t bytes = 0;
  if (memory.with_ports) return bytes;
  for (const auto* ports : {&inputs, &outputs})
    for (const Port& port : *ports) bytes += plan.buffer(port.buffer).bytes();
  return bytes;
}

int64_t Design::ram_bytes() const { return detection ? detect_bytes(*this) : memory.arena_bytes + port_bytes(); }

int64_t Design::constant_bytes() const {
  return constants->bytes() + parameter_bytes;
}

Result<Design> design_bundle(Plan plan, BundleOptions options) {
  Design design;
  design.options = std::move(options);
  design.options.name = bundle_name(design.options.name);
  use_inner_values(plan);
  elide_copies(plan);
  separate_outputs(plan);
  HT_TRY(check_types(plan));
  design.plan = std::move(plan);
  design.session_plan = std::make_shared<const Plan>(design.plan);
  HT_TRY(place_steps(design));
  Identifiers names;
  design.inputs = ports_of(design.plan, design.session_plan->inputs, names);
  design.outputs = ports_of(design.plan, design.session_plan->outputs, names);
  design.constants = collect_constants(design);
  count_own_bytes(design);
  design.use = use_of(design.plan);
  share_parameters(design);
  return design;
}

std::vector<BundleFile> bundle_files(const Design& design, const std::vector<TestVector>& vectors, const std::vector<FrameVector>& frames) {
  const std::string& name = design.name();
  std::vector<BundleFile> files = {{name + ".h", header_file(design)},
                                   {name + ".c", program_file(design)},
                                   {name + "_weights.h", weights_header(design)},
                                   {name + "_weights.c", weights_file(design)}};
  for (auto& part : {kernel_files(design), project_files(design), test_files(design, vectors, frames)}) files.insert(files.end(), part.begin(), part.end());
  std::ranges::sort(files, {}, &BundleFile::path);
  return files;
}

}  // namespace ht
