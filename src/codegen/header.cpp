// SPDX-License-Identifier: Apache-2.0
// NAME.h, the whole interface of a bundle.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "codegen/kernel_sources.h"
#include "codegen/parts.h"

namespace ht {
namespace {

const Buffer& buffer_of(const Design& design, const Port& port) { return design.plan.buffer(port.buffer); }

// "N x H x W x C", or the sizes alone where the axes have no such names.
std::string axes_text(const Buffer& buffer) {
  const size_t rank = buffer.shape.size();
  if (buffer.layout == Layout::kChannelsLast && rank == 4) return "batch, height, width, channels (NHWC)";
  if (buffer.layout == Layout::kChannelsLast && rank > 2) return "the model's with its second one, the channels, behind the others";
  return "in the model's order";
}

std::string meaning_text(const Buffer& buffer) {
  if (!buffer.affine) return "";
  const char* shifted = buffer.is_unsigned ? (buffer.dtype == DType::kInt8 ? " They are the model's unsigned ones less 128." : " They are the model's unsigned ones less 32768.") : "";
  const char* scales = buffer.affine->is_per_tensor() ? "" : " of the channel";
  return fmt::format("\n   The integers q stand for (q - zero point) * scale{}.{}", scales, shifted);
}

std::string port_text(const Design& design, const Port& port, const char* side) {
  const Buffer& buffer = buffer_of(design, port);
  const std::string macro = upper_case(design.name() + "_" + port.name);
  const Shape shape = memory_shape(buffer.shape, buffer.layout);
  std::string text = fmt::format("\n/* {} \"{}\": {} of shape {}, axes {}.{} */\n", side, comment_text(port.title), c_type(buffer.dtype)->name, shape_text(shape),
                                 axes_text(buffer), meaning_text(buffer));
  text += fmt::format("#define {}_COUNT {}\n", macro, element_count(shape));
  text += fmt::format("#define {}_RANK {}\n", macro, shape.size());
  if (design.memory.with_ports) {
    const ValuePlace& place = design.memory.places[design.plan.root(port.buffer).index];
    text += fmt::format("#define {}_PLACE {} /* in the arena, where it may lie */\n", macro, place.offset);
  }
  if (!shape.empty()) text += fmt::format("#define {}_SHAPE {{{}}}\n", macro, fmt::join(shape, ", "));
  if (buffer.affine && buffer.affine->is_per_tensor()) {
    text += fmt::format("#define {}_SCALE {}\n", macro, c_literal(buffer.affine->scales()[0]));
    text += fmt::format("#define {}_ZERO_POINT ({})\n", macro, buffer.affine->zero_points()[0]);
  }
  return text;
}

std::string members(const Design& design, const std::vector<Port>& ports, const char* qualifier) {
  std::string text;
  for (const Port& port : ports)
    text += fmt::format("  {}{} *{}; /* {}_COUNT elements */\n", qualifier, c_type(buffer_of(design, port).dtype)->name, port.name,
                        upper_case(design.name() + "_" + port.name));
  return text;
}

template <class T>
std::string list_of(const std::vector<T>& values) {
  std::string text;
  for (const T& value : values) text += (text.empty() ? "" : ", ") + c_literal(value);
  return text;
}

// Scale and zero point of one element inside of a helper.
struct Parameters {
  std::string argument, tables, scale, zero_point;
};
Parameters parameters_of(const Design& design, const Port& port) {
  const Buffer& buffer = buffer_of(design, port);
  const std::string macro = upper_case(design.name() + "_" + port.name);
  if (buffer.affine->is_per_tensor()) return {"", "", macro + "_SCALE", macro + "_ZERO_POINT"};
  return {", int32_t channel",
          fmt::format("  static const float scale[] = {{{}}};\n  static const int32_t zero_point[] = {{{}}};\n", list_of(buffer.affine->scales()),
                      list_of(buffer.affine->zero_points())),
          "scale[channel]", "zero_point[channel]"};
}

std::string quantize_helper(const Design& design, const Port& port) {
  const Buffer& buffer = buffer_of(design, port);
  const Parameters p = parameters_of(design, port);
  const IntegerRange range = integer_range(buffer.dtype);
  return fmt::format(R"(
/* The integer of {1} that stands for a real number, exactly as the network quantizes. */
static inline {2} {0}_quantize_{1}(float real{3}) {{
{4}  const int32_t q = {0}_round(real / {5}) + {6};
  return ({2})(q < {7} ? {7} : (q > {8} ? {8} : q));
}}
)",
                     design.name(), port.name, c_type(buffer.dtype)->name, p.argument, p.tables, p.scale, p.zero_point, range.min, range.max);
}

std::string dequantize_helper(const Design& design, const Port& port) {
  const Parameters p = parameters_of(design, port);
  return fmt::format(R"(
/* The real number that an integer of {1} stands for. */
static inline float {0}_dequantize_{1}({2} q{3}) {{
{4}  return (float)(q - {5}) * {6};
}}
)",
                     design.name(), port.name, c_type(buffer_of(design, port).dtype)->name, p.argument, p.tables, p.zero_point, p.scale);
}

std::string helpers(const Design& design) {
  std::string quantize, dequantize;
  for (const Port& port : design.inputs)
    if (buffer_of(design, port).affine) quantize += quantize_helper(design, port);
  for (const Port& port : design.outputs)
    if (buffer_of(design, port).affine) dequantize += dequantize_helper(design, port);
  if (!quantize.empty())
    quantize.insert(0, fmt::format(R"(
/* To the nearest integer, half to even; not-a-number becomes 0. */
static inline int32_t {}_round(float x) {{
  int32_t whole;
  float rest;
  if (!(x > -65536.0f)) return x == x ? -65536 : 0;
  if (x > 65536.0f) return 65536;
  whole = (int32_t)x;
  rest = x - (float)whole;
  if (rest > 0.5f || (rest == 0.5f && whole % 2 != 0)) return whole + 1;
  if (rest < -0.5f || (rest == -0.5f && whole % 2 != 0)) return whole - 1;
  return whole;
}}
)",
                                   design.name()));
  return quantize + dequantize;
}

}  // namespace

std::string header_file(const Design& design) {
  std::string ports;
  for (const Port& port : design.inputs) ports += port_text(design, port, "Input");
  for (const Port& port : design.outputs) ports += port_text(design, port, "Output");
  const std::pair<std::string_view, std::string> values[] = {
      {"MADE_BY", made_by(design, "The interface of a neural network.")},
      {"NAME", design.name()},
      {"UPPER", upper_case(design.name())},
      {"PORTS", ports},
      {"INPUTS", members(design, design.inputs, "const ")},
      {"OUTPUTS", members(design, design.outputs, "")},
      {"ALIGNMENT", std::to_string(kArenaAlignment)},
      {"ARENA_BYTES", std::to_string(std::max(design.memory.arena_bytes, kArenaAlignment))},
      {"PLACES",
       design.memory.with_ports ? ", save that\n   each may lie at its place there (..._PLACE); what an input there was is lost" : ""},
      {"HELPERS", helpers(design)},
      {"DETECT_INCLUDES", detect_includes(design)},
      {"DETECT", detect_declarations(design)},
  };
  return filled(template_text("interface.h.in"), values);
}

}  // namespace ht
