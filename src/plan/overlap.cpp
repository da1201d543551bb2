// SPDX-License-Identifier: Apache-2.0
#include "plan/overlap.h"

#include <algorithm>
#include <utility>

namespace ht {
namespace {

// The elements that one unit of a step touches in an operand, from the first up to behind the last.
struct Span {
  int64_t begin = 0, end = 0;
};

// A step's units in order: what each reads of one operand and what it writes.
struct Walk {
  std::vector<Span> reads, writes;
  bool by_element = false;  // within a unit too, element i is read before element i is written, and i rises
};

constexpr int64_t kMostUnits = 1 << 20;  // a step of more is not worth the time
constexpr int64_t kPixelsAhead = 3;      // that a kernel may write before it has read all of its unit (ht_kernel.h)

struct Image {
  int64_t height, width, stride, channels;
  Span rows(int64_t image, int64_t first, int64_t count, int64_t ahead = 0) const {
    const int64_t begin = (image * height + first) * width * stride;
    return {begin, begin + (count * width + ahead - 1) * stride + channels};
  }
};

// Kernels whose unit is an output row, made of the input rows that `rows_of` gives as [first, last).
template <class RowsOf>
Walk walk_rows(int64_t batch, const Image& input, const Image& output, RowsOf rows_of) {
  Walk walk;
  if (batch * output.height > kMostUnits) return walk;
  for (int64_t n = 0; n < batch; ++n)
    for (int64_t row = 0; row < output.height; ++row) {
      const auto [first, last] = rows_of(row);
      walk.reads.push_back(input.rows(n, first, last - first));
      const bool is_last = n == batch - 1 && row == output.height - 1;
      walk.writes.push_back(output.rows(n, row, 1, is_last ? 0 : kPixelsAhead));
    }
  return walk;
}

template <class P>
Walk walk_windows(const P& p, int64_t inputs, int64_t outputs) {
  const Image input{p.input_height, p.input_width, p.input_stride, inputs};
  const Image output{p.output_height, p.output_width, p.output_stride, outputs};
  return walk_rows(p.batch, input, output, [&](int64_t row) {
    const int64_t start = row * p.stride_height - p.pad_top, end = start + int64_t{p.kernel_height - 1} * p.dilation_height + 1;
    const int64_t first = std::clamp<int64_t>(start, 0, p.input_height - 1);
    return std::pair(first, std::clamp<int64_t>(end, first + 1, p.input_height));
  });
}

// Groups may be computed one after the other, and planes lie across the rows.
Walk walk(const ht_conv_params& p, size_t) {
  return p.groups == 1 && p.epilogue.plane == 0 ? walk_windows(p, p.input_channels, p.output_channels) : Walk{};
}
Walk walk(const ht_conv_wide_params& p, size_t k) { return walk(p.conv, k); }
Walk walk(const ht_conv_w4_params& p, size_t k) { return walk(p.conv, k); }
Walk walk(const ht_conv_s16_params& p, size_t k) { return walk(p.conv, k); }
Walk walk(const ht_conv_f32_params& p, size_t) { return walk_windows(p, p.input_channels, p.output_channels); }
Walk walk(const ht_depthwise_params& p, size_t) { return walk_windows(p, p.input_channels, int64_t{p.input_channels} * p.channel_multiplier); }
Walk walk(const ht_depthwise_s16_params& p, size_t k) { return walk(p.depthwise, k); }
Walk walk(const ht_depthwise_f32_params& p, size_t) {
  return walk_windows(p, p.input_channels, int64_t{p.input_channels} * p.channel_multiplier);
}
Walk walk(const ht_pool_params& p, size_t) { return walk_windows(p, p.channels, p.channels); }
Walk walk(const ht_pool_f32_params& p, size_t) { return walk_windows(p, p.channels, p.channels); }
Walk walk(const ht_resample_params& p, size_t) {
  const Image input{p.input_height, p.input_width, p.input_stride, p.channels};
  const Image output{p.output_height, p.output_width, p.output_stride, p.channels};
  return walk_rows(p.batch, input, output, [&](int64_t row) {
    const auto [first, last] = std::minmax_element(p.y.index + row * p.y.taps, p.y.index + (row + 1) * p.y.taps);
    return std::pair<int64_t, int64_t>(*first, *last + 1);
  });
}

// Kernels whose unit is a row of the innermost of several axes.
Walk walk_nest(int32_t rank, const int32_t* shape, const int32_t* input_stride, const int32_t* output_stride) {
  Walk walk;
  int64_t units = 1;
  for (int32_t i = 0; i + 1 < rank; ++i) units *= shape[i];
  const int64_t reach = shape[rank - 1] - 1;
  if (units > kMostUnits || input_stride[rank - 1] < 0) return walk;
  for (int64_t unit = 0; unit < units; ++unit) {
    int64_t in = 0, out = 0, rest = unit;
    for (int32_t i = rank - 2; i >= 0; --i, rest /= shape[i + 1]) {
      in += rest % shape[i] * input_stride[i];
      out += rest % shape[i] * output_stride[i];
    }
    walk.reads.push_back({in, in + reach * input_stride[rank - 1] + 1});
    walk.writes.push_back({out, out + reach * output_stride[rank - 1] + 1});
  }
  return walk;
}

Walk walk(const ht_broadcast& s, size_t operand) {
  Walk walk = walk_nest(s.rank, s.shape, operand == 0 ? s.a_stride : s.b_stride, s.output_stride);
  walk.by_element = (operand == 0 ? s.a_stride : s.b_stride)[s.rank - 1] == 1;
  return walk;
}
Walk walk(const ht_binary_params& p, size_t operand) { return walk(p.shape, operand); }
Walk walk(const ht_binary_f32_params& p, size_t operand) { return walk(p.shape, operand); }
Walk walk(const ht_table_params& p, size_t) {
  const int32_t shape[] = {p.rows, p.channels}, in[] = {p.input_stride, 1}, out[] = {p.output_stride, 1};
  Walk walk = walk_nest(2, shape, in, out);
  walk.by_element = true;
  return walk;
}
Walk walk_one_row(int64_t count) { return {{{0, count}}, {{0, count}}, true}; }
Walk walk(const ht_unary_f32_params& p, size_t) { return walk_one_row(p.count); }
Walk walk(const ht_unary_int_params& p, size_t) { return walk_one_row(p.count); }
// Scattered rows are not copied in order.
Walk walk(const ht_copy_params& p, size_t) {
  const bool adjacent = p.input_stride[p.rank - 1] == 1 && p.output_stride[p.rank - 1] == 1;
  Walk walk = adjacent ? walk_nest(p.rank, p.shape, p.input_stride, p.output_stride) : Walk{};
  for (Span& span : walk.reads) span = {span.begin + p.input_offset, span.end + p.input_offset};
  for (Span& span : walk.writes) span = {span.begin + p.output_offset, span.end + p.output_offset};
  return walk;
}
template <class P>
Walk walk(const P&, size_t) {
  return {};
}

// Positions in bytes from where the operands' roots begin.
Span in_bytes(const Span& span, const Buffer& buffer) {
  const int64_t size = dtype_size(buffer.dtype);
  return {(span.begin + buffer.region.offset) * size, (span.end + buffer.region.offset) * size};
}

std::optional<int64_t> operand_clearance(const Plan& plan, const Step& step, size_t operand) {
  const Walk walked = std::visit([&](const auto& params) { return walk(params, operand); }, step.params);
  if (walked.reads.empty()) return std::nullopt;
  const Buffer &input = plan.buffer(step.inputs[operand]), &output = plan.buffer(step.output);
  const bool by_element = walked.by_element && dtype_size(input.dtype) == dtype_size(output.dtype);
  int64_t needed = 0, least_read = INT64_MAX;  // of the units behind this one
  std::vector<int64_t> written(walked.writes.size());
  for (size_t u = 0; u < written.size(); ++u)
    written[u] = std::max(in_bytes(walked.writes[u], output).end, u == 0 ? 0 : written[u - 1]);
  for (size_t u = written.size(); u-- > 0;) {
    const Span read = in_bytes(walked.reads[u], input);
    if (least_read != INT64_MAX) needed = std::max(needed, written[u] - least_read);
    needed = std::max(needed, (by_element ? in_bytes(walked.writes[u], output).begin : written[u]) - read.begin);
    least_read = std::min(least_read, read.begin);
  }
  return needed;
}

}  // namespace

std::optional<int64_t> clearance(const Plan& plan, const Step& step, BufferId input) {
  std::optional<int64_t> needed;
  for (size_t k = 0; k < step.inputs.size(); ++k) {
    if (plan.root(step.inputs[k]) != input) continue;
    const auto own = operand_clearance(plan, step, k);
    if (!own) return std::nullopt;
    needed = std::max(needed.value_or(0), *own);
  }
  return needed;
}

}  // namespace ht
