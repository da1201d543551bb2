// SPDX-License-Identifier: Apache-2.0
#include "codegen/detect.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "codegen/kernel_sources.h"
#include "codegen/parts.h"

namespace ht {
namespace {

constexpr int32_t kFewCandidates = 256;

int64_t aligned(int64_t bytes) { return (bytes + kArenaAlignment - 1) / kArenaAlignment * kArenaAlignment; }

// A piece of the memory of a call, which begins with the network's arena.
struct Piece {
  int64_t begin = 0, end = 0;
  int64_t bytes() const { return end - begin; }
};

Piece piece_of(const Design& design, BufferId id) {
  const BufferId root = design.plan.root(id);
  const int64_t begin = design.memory.places[root.index].offset;
  return {begin, begin + design.plan.buffer(root).bytes()};
}

// The largest piece of the arena beside those taken, or what lies behind it where that is smaller than `least`.
Piece free_piece(const Design& design, std::vector<Piece> taken, int64_t least) {
  const int64_t end = aligned(design.memory.arena_bytes);
  taken.push_back({end, end});
  std::ranges::sort(taken, {}, &Piece::begin);
  Piece best;
  int64_t at = 0;
  for (const Piece& piece : taken) {
    if (piece.begin - at > best.bytes()) best = {at, piece.begin};
    at = std::max(at, aligned(piece.end));
  }
  return best.bytes() >= least ? best : Piece{end, end + aligned(least)};
}

// The input, or a band's rows of it.
Piece input_piece(const Design& design) {
  Piece piece = piece_of(design, design.plan.inputs[0]);
  if (!design.input_by_bands()) return piece;
  const Buffer& input = design.plan.buffer(design.inputs[0].buffer);
  int64_t rows = 0;
  for (const Band& band : design.memory.bands.list) rows = std::max(rows, band.input_rows[0].count());
  piece.end = piece.begin + rows * (input.bytes() / input.shape[2]);
  return piece;
}

// What the resizing needs while it writes the input: behind a band's rows, or wherever else the network has nothing yet.
Piece resize_piece(const Design& design) {
  const Piece input = input_piece(design);
  if (design.input_by_bands()) return {aligned(input.end), piece_of(design, design.plan.inputs[0]).end};
  return free_piece(design, {input}, design.detection->scratch_bytes);
}

// What the candidates have while the outputs are read.
Piece candidate_piece(const Design& design) {
  std::vector<Piece> outputs;
  for (const Port& port : design.outputs) outputs.push_back(piece_of(design, port.buffer));
  return free_piece(design, std::move(outputs), kFewCandidates * static_cast<int64_t>(sizeof(ht_candidate)));
}

int32_t room_of(const Design& design) { return candidate_room(design, design.detection->most_candidates); }

std::string function(const std::string& name) { return name.empty() ? "NULL" : "HT_FN(" + name + ")"; }

template <class T>
std::string list_of(const T* values, size_t count) {
  std::string text;
  for (size_t i = 0; i < count; ++i) text += (i > 0 ? (i % 12 == 0 ? ",\n  " : ", ") : "") + c_literal(values[i]);
  return text;
}

// Collects definitions of constants, and gives each a name.
class Constants {
 public:
  const std::string& text() const { return text_; }

  template <class T>
  std::string array(std::string_view name, const T* values, size_t count) {
    if (!values || count == 0) return "NULL";
    text_ += fmt::format("\nstatic const {} {}[] = {{\n  {}}};\n", CTypeOf<T>::kType.name, name, list_of(values, count));
    return std::string(name);
  }
  std::string rows(std::string_view type, std::string_view name, const std::vector<std::string>& rows) {
    text_ += fmt::format("\nstatic const {} {}[] = {{\n", type, name);
    for (const std::string& row : rows) text_ += "  " + row + ",\n";
    text_ += "};\n";
    return std::string(name);
  }
  void object(std::string_view type, std::string_view name, const std::string& members) {
    text_ += fmt::format("\nstatic const {} {} = {{\n{}}};\n", type, name, members);
  }

 private:
  std::string text_;
};

// A line of an initializer, with its members' names.
template <class... T>
std::string line(std::string_view names, const T&... values) {
  std::string text = fmt::format("  /* {} */ ", names);
  ((text += values + ", "), ...);
  text.back() = '\n';
  return text;
}

std::string table_of(Constants& constants, const ht_preprocess_params& p, size_t channel) {
  constexpr size_t kPixels = 256;
  const std::string name = fmt::format("pixel_values_{}", channel);
  const void* table = p.tables[channel];
  if (!table) return "NULL";
  const size_t bytes = kPixels * (p.type == HT_VALUES_F32 ? sizeof(float) : p.type == HT_VALUES_S16 ? sizeof(int16_t) : 1);
  for (size_t earlier = 0; earlier < channel; ++earlier)
    if (std::memcmp(p.tables[earlier], table, bytes) == 0) return fmt::format("pixel_values_{}", earlier);
  if (p.type == HT_VALUES_F32) return constants.array(name, static_cast<const float*>(table), kPixels);
  if (p.type == HT_VALUES_S16) return constants.array(name, static_cast<const int16_t*>(table), kPixels);
  return constants.array(name, static_cast<const int8_t*>(table), kPixels);
}

void define_preprocess(Constants& constants, const ht_preprocess_params& p) {
  const ht_image_params& i = p.image;
  const std::string tables = fmt::format("{{{}, {}, {}}}", table_of(constants, p, 0), table_of(constants, p, 1), table_of(constants, p, 2));
  const std::string image = fmt::format("{{{}, {}, {}, {}, {}, {}, {{{}, {}, {}}}}}", i.width, i.height, i.resize, i.place, i.color, i.interpolation,
                                        i.pad[0], i.pad[1], i.pad[2]);
  constants.object("ht_preprocess_params", "preprocess_params",
                   line("image: width, height, resize, place, color, interpolation, pad", image) + line("type", c_literal(p.type)) +
                       line("row_step, pixel_step, channel_step", c_literal(p.row_step), c_literal(p.pixel_step), c_literal(p.channel_step)) +
                       line("tables", tables));
}

std::string view_text(const ht_detect_view& v) {
  return fmt::format("{{{}, {}, {}, {}, {}}}", v.output, v.first, v.location_step, v.value_step, v.channel);
}

std::string level_text(const ht_detect_level& l) {
  return fmt::format("{{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}}", l.locations, l.grid_width, l.grid_height, c_literal(l.stride), c_literal(l.anchor_width),
                     c_literal(l.anchor_height), view_text(l.boxes), view_text(l.classes), view_text(l.object), view_text(l.more), c_literal(l.least_object),
                     c_literal(l.least_class));
}

// Scales as many as the output's values have; integers that stand for themselves have one.
std::string output_text(Constants& constants, const Design& design, size_t index) {
  const ht_detect_output& output = design.detection->detect.outputs[index];
  if (output.type == HT_VALUES_F32) return fmt::format("{{{}, 0, NULL, NULL}}", output.type);
  const auto& affine = design.plan.buffer(design.outputs[design.detection->ports[index]].buffer).affine;
  const size_t count = affine ? affine->scales().size() : 1;
  const std::string scale = constants.array(fmt::format("detect_scale_{}", index), output.scale, count);
  const std::string zero_point = constants.array(fmt::format("detect_zero_point_{}", index), output.zero_point, count);
  return fmt::format("{{{}, {}, {}, {}}}", output.type, output.scale_step, scale, zero_point);
}

std::string truth(bool value) { return value ? "1" : "0"; }

void define_detect(Constants& constants, const Design& design) {
  const Detection& d = *design.detection;
  const ht_detect_params& p = d.detect;
  std::vector<std::string> levels, outputs;
  for (int32_t i = 0; i < p.level_count; ++i) levels.push_back(level_text(p.levels[i]));
  for (size_t i = 0; i < d.ports.size(); ++i) outputs.push_back(output_text(constants, design, i));
  const std::string priors = constants.array("detect_priors", p.priors, p.priors ? static_cast<size_t>(p.levels[0].locations) * 4 : 0);
  constants.rows("ht_detect_output", "detect_outputs", outputs);
  constants.rows("ht_detect_level", "detect_levels", levels);
  std::string members = line("object_function", function(d.object_function)) + line("class_function", function(d.class_function)) +
                        line("box_function", function(d.box_function)) + line("boxes", function(d.boxes)) + line("names", function(d.names));
  members += line("level_count, levels, outputs", c_literal(p.level_count), std::string("detect_levels"), std::string("detect_outputs"));
  members += line("class_count, softmax_columns, softmax_before, bins", c_literal(p.class_count), c_literal(p.softmax_columns), c_literal(p.softmax_before), c_literal(p.bins));
  members += line("input_width, input_height, unit_x, unit_y", c_literal(p.input_width), c_literal(p.input_height), c_literal(p.unit_x), c_literal(p.unit_y));
  members += line("order, center_offset, center_shift", c_literal(p.order), c_literal(p.center_offset), c_literal(p.center_shift));
  members += line("priors, variances", priors, fmt::format("{{{}}}", list_of(p.variances, 4)));
  members += line("first_class, listed_boxes", c_literal(p.first_class), c_literal(p.listed_boxes));
  members += line("score_threshold, nms_threshold, max_detections", c_literal(p.score_threshold), c_literal(p.nms_threshold),
                  fmt::format("{}_MAX_BOXES", upper_case(design.name())));
  members += line("multi_label, clip", truth(p.multi_label), truth(p.clip));
  constants.object("ht_detect_params", "detect_params", members);
}

int32_t max_boxes(const Design& design) { return std::min(design.detection->detect.max_detections, room_of(design)); }

bool has_unnamed_classes(const Detection& d) { return std::ranges::any_of(d.classes, &std::string::empty); }

std::string class_names(const Design& design) {
  std::string text;
  for (const std::string& name : design.detection->classes) text += fmt::format("  {},\n", name.empty() ? "NULL" : c_string(name));
  return fmt::format("\nconst char *const {}_class_names[{}_CLASSES] = {{\n{}}};\n", design.name(), upper_case(design.name()), text);
}

std::vector<std::pair<std::string_view, std::string>> common_values(const Design& design) {
  return {{"NAME", design.name()}, {"UPPER", upper_case(design.name())}, {"INPUT", design.inputs[0].name}};
}

std::string input_address(const Design& design) { return fmt::format("work + {}", input_piece(design).begin); }

std::string run_whole(const Design& design) {
  return fmt::format(R"(  in.{2} = (const {3} *)(const void *)({4});
  HT_FN(ht_preprocess_rows)(&stream, 0, preprocess_params.image.height, {4});
  status = {0}_run(&in, &out, work);
  if (status != {1}_OK) return status;
)",
                     design.name(), upper_case(design.name()), design.inputs[0].name, input_type(design), input_address(design));
}

// The rows of each band as they come, and what computes with them.
std::string run_by_bands(const Design& design) {
  std::string text = fmt::format("  rows = ({} *)(void *)({});\n", input_type(design), input_address(design));
  RowRange window;
  const std::vector<Band>& bands = design.memory.bands.list;
  for (size_t i = 0; i < bands.size(); ++i) {
    const RowRange& rows = bands[i].input_rows[0];
    if (!rows.empty()) {
      const int64_t made = rows.first >= window.first ? std::clamp(window.last, rows.first, rows.last) : rows.first;
      text += fmt::format("  bring_rows(&stream, rows, {}, {}, {}, {});\n", made > rows.first ? rows.first - window.first : 0, rows.first, made, rows.last);
      window = rows;
    }
    text += fmt::format("  band_{}(rows, &out, work);\n", i);
  }
  return text + "  behind_bands(&out, work);\n";
}

// frame_random() and paint() of templates/detections.c.in.
class Painter {
 public:
  explicit Painter(uint32_t seed) : state_(seed) {}
  int32_t below(int32_t bound) {
    state_ = state_ * 1664525u + 1013904223u;
    return static_cast<int32_t>((state_ >> 8) % static_cast<uint32_t>(bound));
  }

 private:
  uint32_t state_;
};

std::string boxes_text(const std::vector<ht_box>& boxes, size_t index) {
  std::string text;
  for (const ht_box& b : boxes)
    text += fmt::format("  {{{}, {}, {}, {}, {}, {}}},\n", c_literal(b.x0), c_literal(b.y0), c_literal(b.x1), c_literal(b.y1), c_literal(b.score), b.class_index);
  return boxes.empty() ? std::string() : fmt::format("\nstatic const ht_box boxes_{}[] = {{\n{}}};\n", index, text);
}

}  // namespace

int64_t detect_bytes(const Design& design) {
  return std::max({aligned(design.memory.arena_bytes), resize_piece(design).end, candidate_piece(design).end});
}

int32_t candidate_room(const Design& design, int64_t most_candidates) {
  return static_cast<int32_t>(std::min(most_candidates, candidate_piece(design).bytes() / static_cast<int64_t>(sizeof(ht_candidate))));
}

std::vector<uint8_t> painted_pixels(const ht_frame& frame, uint32_t seed) {
  const int32_t bytes = frame.format == HT_FRAME_RGB888 ? 3 : frame.format == HT_FRAME_RGB565 ? 2 : 1;
  std::vector<uint8_t> pixels(static_cast<size_t>(frame.stride) * static_cast<size_t>(frame.height));
  for (size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<uint8_t>(96 + i % 61);
  Painter painter(seed);
  for (int k = 0; k < 12; ++k) {
    const int32_t x = painter.below(frame.width), y = painter.below(frame.height);
    const int32_t width = 1 + painter.below(frame.width - x), height = 1 + painter.below(frame.height - y);
    uint8_t color[3];
    for (uint8_t& part : color) part = static_cast<uint8_t>(painter.below(256));
    for (int32_t r = y; r < y + height; ++r)
      for (int32_t c = x; c < x + width; ++c)
        for (int32_t b = 0; b < bytes; ++b) pixels[static_cast<size_t>(r * frame.stride + c * bytes + b)] = color[b];
  }
  return pixels;
}

std::string detect_includes(const Design& design) { return design.detection ? "\n#include \"kernels/c/ht_camera.h\"\n" : ""; }

std::string detect_declarations(const Design& design) {
  if (!design.detection) return {};
  auto values = common_values(design);
  values.emplace_back("BYTES", std::to_string(detect_bytes(design)));
  values.emplace_back("AMONG", design.input_by_bands() ? "some rows of the input and the outputs" : "inputs and outputs");
  values.emplace_back("CANDIDATES", std::to_string(room_of(design)));
  values.emplace_back("MAX_BOXES", std::to_string(max_boxes(design)));
  values.emplace_back("CLASSES", std::to_string(design.detection->classes.size()));
  values.emplace_back("THRESHOLD", c_literal(design.detection->detect.score_threshold));
  values.emplace_back("WIDEST", std::to_string(Detection::kWidestFrame));
  return filled(template_text("detect.h.in"), values);
}

std::string detect_definitions(const Design& design) {
  if (!design.detection) return {};
  const Detection& d = *design.detection;
  Constants constants;
  define_preprocess(constants, d.preprocess);
  define_detect(constants, design);
  std::string outputs, addresses;
  const auto type_of = [&](const Port& port) { return c_type(design.plan.buffer(port.buffer).dtype)->name; };
  for (size_t i = 0; i < design.outputs.size(); ++i)
    outputs += fmt::format("  out.{} = ({} *)(void *)(work + {});\n", design.outputs[i].name, type_of(design.outputs[i]), piece_of(design, design.outputs[i].buffer).begin);
  for (size_t i = 0; i < d.ports.size(); ++i) addresses += fmt::format("  outputs[{}] = out.{};\n", i, design.outputs[d.ports[i]].name);
  auto values = common_values(design);
  values.emplace_back("CONSTANTS", constants.text() + class_names(design));
  values.emplace_back("RESIZE_BYTES", std::to_string(resize_piece(design).bytes()));
  values.emplace_back("RESIZE_PLACE", std::to_string(resize_piece(design).begin));
  values.emplace_back("CANDIDATE_PLACE", std::to_string(candidate_piece(design).begin));
  const bool by_bands = design.input_by_bands();
  values.emplace_back("INPUT_LOCALS", by_bands ? fmt::format("  {} *rows;\n", input_type(design)) : fmt::format("  {}_inputs in;\n  int status;\n", design.name()));
  values.emplace_back("RUN", by_bands ? run_by_bands(design) : run_whole(design));
  values.emplace_back("BRING_ROWS", by_bands ? filled(template_text("bring_rows.c.in"), std::vector<std::pair<std::string_view, std::string>>{{"TYPE", input_type(design)}}) : "");
  values.emplace_back("OUTPUTS", outputs);
  values.emplace_back("OUTPUT_COUNT", std::to_string(d.ports.size()));
  values.emplace_back("ADDRESSES", addresses);
  values.emplace_back("NAMED", has_unnamed_classes(d) ? fmt::format("  *count = keep_named(boxes, *count);\n") : "");
  values.emplace_back("KEEP_NAMED", has_unnamed_classes(d) ? filled(template_text("keep_named.c.in"), common_values(design)) : "");
  return filled(template_text("detect.c.in"), values);
}

std::set<std::string> detect_headers(const Design& design) {
  if (!design.detection) return {};
  return {"kernels/c/ht_detect_frame.h", "kernels/c/ht_head.h", "kernels/c/ht_preprocess.h"};
}

std::set<std::string> detect_files(const Design& design) {
  if (!design.detection) return {};
  std::set<std::string> files = {"kernels/c/ht_detect_frame.c", "kernels/c/ht_head.h", "kernels/c/ht_preprocess.c"};
  for (const std::string& file : design.detection->files) files.insert("kernels/c/" + file);
  return files;
}

std::vector<BundleFile> detect_test_files(const Design& design, const std::vector<FrameVector>& frames) {
  if (!design.detection) return {};
  std::string arrays, rows;
  size_t most_bytes = 1;
  for (size_t i = 0; i < frames.size(); ++i) {
    const FrameVector& f = frames[i];
    const ht_rectangle& crop = f.frame.crop;
    arrays += boxes_text(f.boxes, i);
    std::string pixels = "NULL";
    if (f.seed == 0) {
      pixels = fmt::format("pixels_{}", i);
      arrays += fmt::format("\nstatic const uint8_t {}[] = {};\n", pixels, CTypeOf<uint8_t>::kType.elements(f.pixels));
    } else {
      most_bytes = std::max(most_bytes, f.pixels.size());
    }
    rows += fmt::format("  {{{}u, {{{}, {}, {}, {}, {}, {{{}, {}, {}, {}}}}}, {}, {}}},\n", f.seed, pixels, f.frame.width, f.frame.height, f.frame.stride, f.frame.format, crop.x,
                        crop.y, crop.width, crop.height, f.boxes.size(), f.boxes.empty() ? "NULL" : fmt::format("boxes_{}", i));
  }
  auto values = common_values(design);
  values.emplace_back("MADE_BY", made_by(design, "Frames, and the boxes that the host found in them."));
  values.emplace_back("ARRAYS", arrays);
  values.emplace_back("ROWS", rows);
  values.emplace_back("FRAMES", std::to_string(frames.size()));
  values.emplace_back("MOST_BYTES", std::to_string(most_bytes));
  return {{"test/detections.c", filled(template_text("detections.c.in"), values)}, {"test/detections.h", filled(template_text("detections.h.in"), values)}};
}

std::string detect_example(const Design& design) {
  auto values = common_values(design);
  values.emplace_back("MADE_BY", made_by(design, "How objects are found in a camera's frame."));
  return filled(template_text("example_detect.c.in"), values);
}

}  // namespace ht
