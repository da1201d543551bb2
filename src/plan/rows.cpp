// SPDX-License-Identifier: Apache-2.0
#include "plan/rows.h"

#include <algorithm>

namespace ht {
namespace {

constexpr size_t kOutput = HT_MAX_INPUTS;

// A step's operands by their number, seen as rows.
class Operands {
 public:
  Operands(const Plan& plan, const Step& step) : plan_(plan), step_(step) {}

  const Buffer& value(size_t operand) const { return plan_.buffer(id(operand)); }
  RowLayout layout(size_t operand) const { return *row_layout(plan_.buffer(plan_.root(id(operand)))); }
  // Whether the value is all of every row of its memory.
  bool fills_rows(size_t operand) const { return element_count(value(operand).shape) == element_count(plan_.buffer(plan_.root(id(operand))).shape); }
  // The value's own elements in a row of a plane.
  int64_t row_elements(size_t operand) const {
    const RowLayout layout = this->layout(operand);
    return element_count(value(operand).shape) / (layout.planes * layout.rows);
  }

 private:
  BufferId id(size_t operand) const { return operand == kOutput ? step_.output : step_.inputs[operand]; }

  const Plan& plan_;
  const Step& step_;
};

// What take_rows() was told, by the operand's number.
struct Views {
  const std::vector<RowView>& inputs;
  const RowView& output;
  const RowView& operator[](size_t operand) const { return operand == kOutput ? output : inputs[operand]; }
};

using Needed = std::optional<RowRange>;

// Windows.

template <class P>
Needed window_rows(const P& p, const Operands& operands, const RowRange& made) {
  const RowLayout input = operands.layout(0), output = operands.layout(kOutput);
  if (input.planes != 1 || output.planes != 1 || input.rows != p.input_height || output.rows != p.output_height) return std::nullopt;
  const int64_t start = made.first * p.stride_height - p.pad_top;
  const int64_t end = (made.last - 1) * p.stride_height - p.pad_top + int64_t{p.kernel_height - 1} * p.dilation_height + 1;
  if (start >= p.input_height) return std::nullopt;  // padding alone
  const int64_t first = std::max<int64_t>(start, 0);
  return RowRange{first, std::clamp<int64_t>(end, first + 1, p.input_height)};
}

template <class P>
void take_window_rows(P& p, const Views& views) {
  const RowRange made = views[kOutput].rows, read = views[0].rows;
  p.pad_top = static_cast<int32_t>(p.pad_top + read.first - made.first * p.stride_height);
  p.input_height = static_cast<int32_t>(read.count());
  p.output_height = static_cast<int32_t>(made.count());
}

// Rows of `channels` elements, the elements of which are computed one by one.

template <class P>
bool is_gapless(const P& p) {
  return p.input_stride == p.channels && p.output_stride == p.channels;
}

// Whether each row of an image is some rows of the step, or the other way round.
template <class P>
bool can_split_lines(const P& p, const Operands& operands, bool per_channel) {
  const int64_t row = operands.row_elements(kOutput);
  if (operands.row_elements(0) != row || operands.layout(0).rows != operands.layout(kOutput).rows) return false;
  if (operands.layout(0).planes != operands.layout(kOutput).planes) return false;
  if (operands.layout(kOutput).planes > 1) return is_gapless(p) && !per_channel;
  return p.channels <= row ? row % p.channels == 0 : p.rows == 1 && is_gapless(p) && !per_channel;
}

template <class P>
void take_lines(P& p, const Operands& operands, const Views& views) {
  const int64_t count = views[kOutput].rows.count(), row = operands.row_elements(kOutput);
  const auto number = [](int64_t n) { return static_cast<int32_t>(n); };
  if (const int64_t planes = operands.layout(kOutput).planes; planes > 1) {
    p.rows = number(planes);
    p.channels = number(count * row);
    p.input_stride = number(views[0].plane_elements);
    p.output_stride = number(views[kOutput].plane_elements);
  } else if (p.channels <= row) {
    p.rows = number(count * (row / p.channels));
  } else {
    p.channels = p.input_stride = p.output_stride = number(count * row);
  }
}

// Several axes. The one that runs through the rows counts `per_row` elements a row.

struct RowAxis {
  int32_t axis;
  int64_t per_row;
};

std::optional<RowAxis> row_axis(int32_t rank, const int32_t* shape, const int32_t* stride, const RowLayout& layout) {
  for (int32_t i = 0; i < rank; ++i) {
    if (stride[i] <= 0 || layout.elements % stride[i] != 0) continue;
    const int64_t per_row = layout.elements / stride[i];
    if (shape[i] == layout.rows * per_row) return RowAxis{i, per_row};
  }
  return std::nullopt;
}

// Whether the other axes stay inside of a row, or go from plane to plane.
bool others_stay_inside(int32_t rank, const int32_t* shape, const int32_t* stride, int64_t offset, const RowAxis& rows, const RowLayout& layout) {
  int64_t reach = offset;
  for (int32_t i = 0; i < rank; ++i) {
    if (shape[i] == 1) continue;
    if (stride[i] < 0) return false;
    if (layout.planes > 1 && stride[i] == layout.rows * layout.elements && shape[i] <= layout.planes) continue;
    reach += i == rows.axis ? (rows.per_row - 1) * stride[i] : int64_t{shape[i] - 1} * stride[i];
  }
  return offset >= 0 && reach < layout.elements;
}

Needed broadcast_rows(const ht_broadcast& s, const Operands& operands, size_t operand, const RowRange& made) {
  const RowLayout output = operands.layout(kOutput), input = operands.layout(operand);
  const auto axis = row_axis(s.rank, s.shape, s.output_stride, output);
  if (!axis || output.planes > 1 || input.planes > 1) return std::nullopt;
  if (!others_stay_inside(s.rank, s.shape, s.output_stride, 0, *axis, output)) return std::nullopt;
  const int32_t* stride = operand == 0 ? s.a_stride : s.b_stride;
  if (stride[axis->axis] == 0) return input.rows == 1 ? Needed(RowRange{0, 1}) : std::nullopt;
  return stride[axis->axis] * axis->per_row == input.elements && input.rows == output.rows ? Needed(made) : std::nullopt;
}

void take_broadcast_rows(ht_broadcast& s, const Operands& operands, const Views& views) {
  const auto axis = row_axis(s.rank, s.shape, s.output_stride, operands.layout(kOutput));
  s.shape[axis->axis] = static_cast<int32_t>(views[kOutput].rows.count() * axis->per_row);
}

// Each kernel's rows: what it needs, and how it takes them. Kernels without are not listed.

template <class P>
concept Window = requires(P& p) { p.pad_top; p.input_height; };

template <Window P>
Needed needed(const P& p, const Operands& operands, size_t, const RowRange& made) {
  return window_rows(p, operands, made);
}
template <Window P>
void take(P& p, const Operands&, const Views& views) {
  take_window_rows(p, views);
}

template <class P>
concept WrapsConv = requires(P& p) { p.conv; };
template <WrapsConv P>
Needed needed(const P& p, const Operands& operands, size_t, const RowRange& made) {
  return window_rows(p.conv, operands, made);
}
template <WrapsConv P>
void take(P& p, const Operands&, const Views& views) {
  take_window_rows(p.conv, views);
}

Needed needed(const ht_depthwise_s16_params& p, const Operands& operands, size_t, const RowRange& made) {
  return window_rows(p.depthwise, operands, made);
}
void take(ht_depthwise_s16_params& p, const Operands&, const Views& views) { take_window_rows(p.depthwise, views); }

Needed needed(const ht_table_params& p, const Operands& operands, size_t, const RowRange& made) {
  return can_split_lines(p, operands, p.table_step != 0) ? Needed(made) : std::nullopt;
}
void take(ht_table_params& p, const Operands& operands, const Views& views) { take_lines(p, operands, views); }
Needed needed(const ht_convert_params& p, const Operands& operands, size_t, const RowRange& made) {
  return can_split_lines(p, operands, p.channel_step != 0) ? Needed(made) : std::nullopt;
}
void take(ht_convert_params& p, const Operands& operands, const Views& views) { take_lines(p, operands, views); }
Needed needed(const ht_convert_s16_params& p, const Operands& operands, size_t k, const RowRange& made) { return needed(p.convert, operands, k, made); }
void take(ht_convert_s16_params& p, const Operands& operands, const Views& views) { take_lines(p.convert, operands, views); }

Needed needed(const ht_unary_f32_params&, const Operands& operands, size_t, const RowRange& made) {
  const bool adjacent = operands.fills_rows(0) && operands.fills_rows(kOutput) && operands.layout(0).planes == 1 && operands.layout(kOutput).planes == 1;
  return adjacent && operands.layout(0).rows == operands.layout(kOutput).rows ? Needed(made) : std::nullopt;
}
void take(ht_unary_f32_params& p, const Operands& operands, const Views& views) {
  p.count = static_cast<int32_t>(views[kOutput].rows.count() * operands.row_elements(kOutput));
}

Needed needed(const ht_binary_params& p, const Operands& operands, size_t k, const RowRange& made) { return broadcast_rows(p.shape, operands, k, made); }
void take(ht_binary_params& p, const Operands& operands, const Views& views) { take_broadcast_rows(p.shape, operands, views); }
Needed needed(const ht_binary_f32_params& p, const Operands& operands, size_t k, const RowRange& made) {
  return broadcast_rows(p.shape, operands, k, made);
}
void take(ht_binary_f32_params& p, const Operands& operands, const Views& views) { take_broadcast_rows(p.shape, operands, views); }

Needed needed(const ht_copy_params& p, const Operands& operands, size_t, const RowRange& made) {
  const RowLayout input = operands.layout(0), output = operands.layout(kOutput);
  const auto axis = row_axis(p.rank, p.shape, p.output_stride, output);
  if (!axis || input.rows != output.rows || p.input_stride[axis->axis] * axis->per_row != input.elements) return std::nullopt;
  const bool inside = others_stay_inside(p.rank, p.shape, p.output_stride, p.output_offset, *axis, output) &&
                      others_stay_inside(p.rank, p.shape, p.input_stride, p.input_offset, *axis, input);
  return inside ? Needed(made) : std::nullopt;
}
void take(ht_copy_params& p, const Operands& operands, const Views& views) {
  const auto axis = row_axis(p.rank, p.shape, p.output_stride, operands.layout(kOutput));
  const auto move_planes = [&](size_t operand, int32_t* stride) {
    const RowLayout layout = operands.layout(operand);
    for (int32_t i = 0; i < p.rank; ++i)
      if (layout.planes > 1 && stride[i] == layout.rows * layout.elements) stride[i] = static_cast<int32_t>(views[operand].plane_elements);
  };
  move_planes(0, p.input_stride);
  move_planes(kOutput, p.output_stride);
  p.shape[axis->axis] = static_cast<int32_t>(views[kOutput].rows.count() * axis->per_row);
}

template <class P>
Needed needed(const P&, const Operands&, size_t, const RowRange&) {
  return std::nullopt;
}
template <class P>
void take(P&, const Operands&, const Views&) {}

}  // namespace

std::optional<RowLayout> row_layout(const Buffer& root) {
  const Shape& shape = root.shape;
  if (shape.size() != 4 || shape[0] != 1 || element_count(shape) == 0) return std::nullopt;
  if (same_memory(shape, root.layout, Layout::kChannelsLast)) return RowLayout{1, shape[2], shape[3] * shape[1]};
  return RowLayout{shape[1], shape[2], shape[3]};
}

bool lies_in_rows(const Buffer& value, const Buffer& root) {
  const auto own = row_layout(value), around = row_layout(root);
  if (!own || !around || own->rows != around->rows || own->planes != around->planes) return false;
  const Region& region = value.region;
  if (region.width == 0) return region.offset == 0 && own->elements == around->elements;
  // Columns: the same channels of every pixel.
  return own->planes == 1 && value.shape[3] == root.shape[3] && region.width == value.shape[1] && region.stride == root.shape[1] &&
         region.offset + region.width <= region.stride;
}

std::optional<RowRange> rows_needed(const Plan& plan, const Step& step, size_t operand, const RowRange& made) {
  return std::visit([&](const auto& params) { return needed(params, Operands(plan, step), operand, made); }, step.params);
}

void take_rows(const Plan& plan, Step& step, const std::vector<RowView>& inputs, const RowView& output) {
  const Operands operands(plan, step);
  std::visit([&](auto& params) { take(params, operands, Views{inputs, output}); }, step.params);
}

}  // namespace ht
