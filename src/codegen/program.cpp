// SPDX-License-Identifier: Apache-2.0
// NAME.c and the constants that it reads.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <span>

#include "codegen/fields.h"
#include "codegen/kernel_sources.h"
#include "codegen/parts.h"

namespace ht {
namespace {

// A struct's initializer, its members in their order, which both C99 and C++ take.
class Initializer {
 public:
  Initializer(const Design& design, const BundleCall& call) : design_(design), call_(call) {}
  std::string text() const { return text_ + (line_.empty() ? "" : line_ + "\n"); }

  template <class T>
  void number(const char* name, const T& value) {
    member(name, c_literal(value));
  }
  template <class T, size_t N>
  void numbers(const char* name, const T (&values)[N]) {
    member(name, row(values));
  }
  template <class T, size_t N, size_t M>
  void numbers(const char* name, const T (&rows)[N][M]) {
    std::string text;
    for (const auto& values : rows) text += (text.empty() ? "" : ", ") + row(values);
    member(name, "{" + text + "}");
  }
  template <class T>
  void array(const char* name, const T* pointer, int64_t count) {
    symbol(name, CTypeOf<T>::kType, pointer, count * static_cast<int64_t>(sizeof(T)));
  }
  void elements(const char* name, const void* pointer, int32_t bytes, int64_t count) { symbol(name, c_type_of_bytes(bytes), pointer, count * bytes); }
  void packed(const void* pointer) {
    symbol("packed", CTypeOf<uint32_t>::kType, pointer, pointer ? static_cast<int64_t>(call_.packed->size()) : 0);
  }
  template <class S, class Inside>
  void group(const char* name, const S&, Inside inside) {
    append(fmt::format("/* {} */ {{", name));
    inside(*this);
    line_.pop_back();  // the last comma
    line_ += "},";
  }

 private:
  template <class T, size_t N>
  static std::string row(const T (&values)[N]) {
    std::string text;
    for (const T& value : values) text += (text.empty() ? "" : ", ") + c_literal(value);
    return "{" + text + "}";
  }
  void symbol(const char* name, const CType& type, const void* pointer, int64_t bytes) {
    if (!pointer || bytes <= 0) return member(name, "NULL");
    member(name, design_.constants->name_of(type, {static_cast<const uint8_t*>(pointer), static_cast<size_t>(bytes)}));
  }
  void member(const char* name, const std::string& value) { append(fmt::format("/* {} */ {},", name, value)); }
  void append(const std::string& piece) {
    constexpr size_t kLineWidth = 120;
    if (line_.size() + piece.size() + 1 > kLineWidth) {
      text_ += line_ + "\n";
      line_.clear();
    }
    line_ += (line_.empty() ? "    " : (line_.back() == '{' ? "" : " ")) + piece;
  }

  const Design& design_;
  const BundleCall& call_;
  std::string text_, line_;
};

// What a step is about, for a comment.
std::string heading(const Design& design, size_t index) {
  const Step& step = design.plan.steps[index];
  std::string inputs;
  for (BufferId id : step.inputs) inputs += (inputs.empty() ? "" : ", ") + type_text(design.plan.buffer(id));
  std::string text = fmt::format("{}: {} {}: {} to {}", index, step.op, step.node, inputs, type_text(design.plan.buffer(step.output)));
  if (step.macs > 0) text += fmt::format(", {} multiplications", step.macs);
  return comment_text(text);
}

bool is_called(const BundleCall& call) { return call.units > 0; }

std::string parameters(const Design& design, size_t index) {
  return fmt::format("\n/* {} */\nstatic const {} step{} = {};\n", heading(design, index), struct_name(design.plan.steps[index]),
                     index, parameters_text(design, index));
}

bool has_row(const Design& design, size_t index) { return !design.table.rows[index].empty(); }

// Behind the last of the steps from `first` on that have rows, up to `last`.
size_t end_of_rows(const Design& design, size_t first, size_t last) {
  while (first < last && has_row(design, first)) ++first;
  return first;
}

// The rows of steps that a function runs, those one after the other in an array.
std::string row_arrays(const Design& design, size_t first, size_t last) {
  std::string text;
  for (size_t i = first; i < last; ++i) {
    const size_t end = end_of_rows(design, i, last);
    if (end == i) continue;
    text += fmt::format("\nstatic const uint8_t rows{}[] = {{\n", i);
    for (; i < end; ++i) text += fmt::format("  /* {} */\n{}", heading(design, i), design.table.rows[i]);
    text += "};\n";
  }
  return text;
}

// The address of a value, as an expression.
std::string address(const Design& design, BufferId id) {
  const Buffer& buffer = design.plan.buffer(id);
  const BufferId root = design.plan.root(id);
  const ValuePlace& place = design.memory.places[root.index];
  const std::string elements = buffer.region.offset > 0 ? fmt::format(" + {}", buffer.region.offset) : "";
  switch (place.kind) {
    case ValuePlace::Kind::kInput:
      return (design.input_by_bands() ? "rows" : "in->" + design.inputs[place.port].name) + elements;
    case ValuePlace::Kind::kOutput:
      return fmt::format("out->{}{}", design.outputs[place.port].name, elements);
    case ValuePlace::Kind::kConstant: {
      const Buffer& constant = design.plan.buffer(root);
      if (constant.constant->empty()) return "NULL";
      return design.constants->name_of(*c_type(constant.dtype), *constant.constant) + elements;
    }
    case ValuePlace::Kind::kArena:
      break;
  }
  return fmt::format("memory + {}", place.offset + buffer.region.offset * dtype_size(buffer.dtype));
}

std::string call(const Design& design, size_t index) {
  const Step& step = design.plan.steps[index];
  const BundleCall& call = design.calls[index];
  if (!is_called(call)) return {};
  std::string inputs;
  for (size_t i = 0; i < HT_MAX_INPUTS; ++i)
    inputs += (i > 0 ? ", " : "") + (i < step.inputs.size() ? address(design, step.inputs[i]) : "NULL");
  const size_t parameters = design.parameters_of[index];
  const std::string output = address(design, step.output);
  const std::string scratch = call.scratch_bytes > 0 ? fmt::format("memory + {}", design.memory.scratch[index]) : "NULL";
  return fmt::format("\n  /* {} */\n  HT_STEP({});\n", heading(design, index), index) +
         fmt::format("  {{\n    const ht_arguments a = {{{{{}}}, {}, {}}};\n    HT_FN({})(&step{}, &a, 0, {});\n  }}\n", inputs,
                     output, scratch, call.function, parameters, call.units);
}

// What is wrong with the caller's pointers, as conditions.
std::string null_checks(const Design& design) {
  std::string text = "in == NULL || out == NULL || memory == NULL";
  for (const Port& port : design.inputs) text += fmt::format(" ||\n      in->{} == NULL", port.name);
  for (const Port& port : design.outputs) text += fmt::format(" ||\n      out->{} == NULL", port.name);
  return text;
}
std::string alignment_checks(const Design& design) {
  std::string text = fmt::format("(uintptr_t)memory % {}u != 0", kArenaAlignment);
  const auto check = [&](const char* side, const Port& port) {
    const int64_t bytes = dtype_size(design.plan.buffer(port.buffer).dtype);
    if (bytes > 1) text += fmt::format(" ||\n      (uintptr_t){}->{} % {}u != 0", side, port.name, bytes);
  };
  for (const Port& port : design.inputs) check("in", port);
  for (const Port& port : design.outputs) check("out", port);
  return text;
}

// `input` is what table_places() takes.
std::string calls(const Design& design, size_t first, size_t last, const std::string& input) {
  std::string text, places;
  for (size_t i = first; i < last; ++i) {
    const size_t end = end_of_rows(design, i, last);
    if (end == i) {
      text += call(design, i);
      continue;
    }
    if (places.empty()) places = fmt::format("  unsigned char *const places[] = {};\n", table_places(design, input));
    text += fmt::format("\n  run_steps(rows{0}, {0}, {1}, places, memory);\n", i, end);
    i = end - 1;
  }
  return places + text;
}

// A band reads its rows of the input from the first one on; behind the last band come the steps that run as a whole.
std::string band_functions(const Design& design) {
  const std::vector<Band>& bands = design.memory.bands.list;
  const std::string others = fmt::format("const {}_outputs *out, unsigned char *memory", design.name());
  std::string text;
  for (size_t i = 0; i < bands.size(); ++i) {
    const RowRange& rows = bands[i].input_rows[0];
    text += fmt::format(
        "\n/* Band {}, of the rows {} to {} of the input. */\nstatic void band_{}(const {} *rows, {}) {{\n  (void)rows, "
        "(void)out, (void)memory;\n{}}}\n",
        i, rows.first, std::max(rows.last - 1, rows.first), i, input_type(design), others,
        calls(design, bands[i].first_step, bands[i].last_step, "rows"));
  }
  return text + fmt::format("\nstatic void behind_bands({}) {{\n  (void)out, (void)memory;\n{}}}\n", others,
                            calls(design, bands.back().last_step, design.plan.steps.size(), "NULL"));
}

// The steps of each function that runs some.
std::vector<std::pair<size_t, size_t>> functions_with_steps(const Design& design) {
  const size_t all = design.plan.steps.size();
  if (!design.input_by_bands()) return {{0, all}};
  std::vector<std::pair<size_t, size_t>> functions;
  for (const Band& band : design.memory.bands.list) functions.emplace_back(band.first_step, band.last_step);
  functions.emplace_back(functions.back().second, all);
  return functions;
}

std::string band_calls(const Design& design) {
  const Buffer& input = design.plan.buffer(design.inputs[0].buffer);
  const int64_t row = element_count(input.shape) / input.shape[2];
  const std::vector<Band>& bands = design.memory.bands.list;
  std::string text;
  for (size_t i = 0; i < bands.size(); ++i)
    text += fmt::format("  band_{}(in->{} + {}, out, memory);\n", i, design.inputs[0].name, bands[i].input_rows[0].first * row);
  return text + "  behind_bands(out, memory);\n";
}

std::set<std::string> functions_of(const Design& design) {
  std::set<std::string> functions;
  for (const BundleCall& call : design.calls)
    if (is_called(call)) functions.insert(call.function);
  return functions;
}

std::string config_file(const Design& design) {
  return fmt::format(R"({}#ifndef HT_CONFIG_H
#define HT_CONFIG_H

#define HT_POLICIES {:#x}
#define HT_OUTPUTS {:#x}
#define HT_FLOATS {}
#define HT_BINARIES {:#x}
#define HT_POOLS {:#x}
#define HT_SOFTMAXES {:#x}
#define HT_RESIZES {:#x}
#define HT_NEAREST_RESAMPLE {}
#define HT_ADJACENT_BINARY {}
#define HT_PLAIN_DEPTHWISE {}
#define HT_FEW_OUTPUTS {}
#define HT_BOUNDS {}
#define HT_SUFFIX _{} /* so that several bundles fit into one program */

#endif
)",
                     made_by(design, "Which parts of the kernels this network uses."), design.use.policies, design.use.outputs,
                     design.use.floats || design.detection ? 1 : 0, design.use.binaries, design.use.pools, design.use.softmaxes,
                     design.detection ? 1u << design.detection->preprocess.image.interpolation : 0u,
                     design.use.nearest_resample ? 1 : 0, design.use.adjacent_binary ? 1 : 0, design.use.plain_depthwise ? 1 : 0,
                     design.use.few_outputs ? 1 : 0, design.use.bounds ? 1 : 0, design.name());
}

}  // namespace

std::string struct_name(const Step& step) {
  return std::visit(
      [](const auto& params) -> std::string {
        using Params = std::remove_cvref_t<decltype(params)>;
#define HT_STRUCT_NAME(name, Type) \
  if constexpr (std::is_same_v<Params, Type>) return #Type;
        HT_KERNELS(HT_STRUCT_NAME)
#undef HT_STRUCT_NAME
        return {};
      },
      step.params);
}

std::string parameters_text(const Design& design, size_t index) {
  Initializer initializer(design, design.calls[index]);
  std::visit([&](const auto& params) { fields(params, initializer); }, design.params[index]);
  return "{\n" + initializer.text() + "}";
}

std::string input_type(const Design& design) { return c_type(design.plan.buffer(design.inputs[0].buffer).dtype)->name; }

std::string program_file(const Design& design) {
  std::string text = made_by(design, "The network: its steps in their order.");
  text += fmt::format("#include \"{}.h\"\n\n#include <stddef.h>\n#include <stdint.h>\n\n", design.name());
  std::set<std::string> headers = detect_headers(design);
  for (const std::string& function : functions_of(design)) headers.insert(declaring_header(function));
  for (const std::string& header : headers) text += fmt::format("#include \"{}\"\n", header);
  text += fmt::format("#include \"{}_weights.h\"\n", design.name());
  text += "\n#ifndef HT_STEP\n#define HT_STEP(number) /* here whoever measures steps puts a call */\n#endif\n";
  for (const size_t index : steps_with_structs(design)) text += parameters(design, index);
  text += design.table.code;
  for (const auto& [first, last] : functions_with_steps(design)) text += row_arrays(design, first, last);
  const std::string upper = upper_case(design.name());
  if (design.input_by_bands()) text += band_functions(design);
  text += fmt::format("\nint {0}_run(const {0}_inputs *in, const {0}_outputs *out, void *arena) {{\n  unsigned char *const memory = (unsigned char *)arena;\n",
                      design.name());
  text += fmt::format("  if ({}) {{\n    return {}_NULL_POINTER;\n  }}\n", null_checks(design), upper);
  text += fmt::format("  if ({}) {{\n    return {}_MISALIGNED;\n  }}\n", alignment_checks(design), upper);
  text += design.input_by_bands() ? band_calls(design) : calls(design, 0, design.plan.steps.size(), "");
  return text + fmt::format("\n  return {}_OK;\n}}\n", upper) + detect_definitions(design);
}

std::string weights_header(const Design& design) {
  const std::string guard = upper_case(design.name()) + "_WEIGHTS_H";
  const std::string activations = design.constants->has(CTypeOf<ht_activation>::kType) ? "#include \"kernels/c/ht_epilogue.h\"\n\n" : "";
  return made_by(design, "Constant arrays.") +
         fmt::format("#ifndef {0}\n#define {0}\n\n#include <stdint.h>\n\n{1}#ifdef __cplusplus\nextern \"C\" {{\n#endif\n\n{2}\n#ifdef __cplusplus\n}}\n#endif\n#endif\n",
                     guard, activations, design.constants->declarations());
}

std::string weights_file(const Design& design) {
  return made_by(design, "Constant arrays.") + fmt::format("#include \"{}_weights.h\"\n{}", design.name(), design.constants->definitions());
}

std::vector<BundleFile> kernel_files(const Design& design) {
  std::vector<BundleFile> files;
  for (const EmbeddedFile& file : kernel_sources(functions_of(design), detect_files(design)))
    files.push_back({std::string(file.path), file.path == "kernels/c/ht_config.h" ? config_file(design) : std::string(file.text)});
  return files;
}

}  // namespace ht
