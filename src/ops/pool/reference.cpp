// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <limits>

#include "ops/pool/pool.h"

namespace ht {
namespace {

// The taps [first, last) of window o that are inside the input.
struct Taps {
  int64_t first, last;
};

Taps taps_inside(const Windows::Axis& axis, int64_t o) {
  const int64_t begin = o * axis.stride - axis.pad_begin;
  const int64_t first = begin >= 0 ? 0 : (-begin + axis.dilation - 1) / axis.dilation;
  const int64_t last = begin >= axis.in ? 0 : (axis.in - begin + axis.dilation - 1) / axis.dilation;
  return {std::min(first, axis.kernel), std::max(std::min(last, axis.kernel), std::min(first, axis.kernel))};
}

// How many taps of window o are inside the input or its padding; a window that ceil_mode adds may reach beyond both.
double taps_with_padding(const Windows::Axis& axis, int64_t o) {
  const int64_t room = axis.in + axis.pad_begin + axis.pad_end - o * axis.stride;
  return static_cast<double>(std::min((room + axis.dilation - 1) / axis.dilation, axis.kernel));
}

// Calls visit(position) for each element of the input plane that the window holds, and says how many there are.
template <class Visit>
int64_t for_each_in_window(const Windows& windows, int64_t od, int64_t oh, int64_t ow, Visit visit) {
  const auto& [d, h, w] = windows.axes;
  const Taps td = taps_inside(d, od), th = taps_inside(h, oh), tw = taps_inside(w, ow);
  for (int64_t kd = td.first; kd < td.last; ++kd)
    for (int64_t kh = th.first; kh < th.last; ++kh)
      for (int64_t kw = tw.first; kw < tw.last; ++kw)
        visit((d.position(od, kd) * h.in + h.position(oh, kh)) * w.in + w.position(ow, kw));
  return (td.last - td.first) * (th.last - th.first) * (tw.last - tw.first);
}

template <class T, class PoolWindow>
std::vector<T> pool_planes(const Windows& windows, const std::vector<T>& x, const Shape& out_shape, PoolWindow pool_window) {
  std::vector<T> out;
  out.reserve(static_cast<size_t>(element_count(out_shape)));
  const int64_t planes = out_shape[0] * out_shape[1];
  for (int64_t plane = 0; plane < planes; ++plane)
    for (int64_t od = 0; od < windows.axes[0].out; ++od)
      for (int64_t oh = 0; oh < windows.axes[1].out; ++oh)
        for (int64_t ow = 0; ow < windows.axes[2].out; ++ow)
          out.push_back(pool_window(x.data() + plane * windows.in_size(), od, oh, ow));
  return out;
}

template <class T>
auto max_of(const Windows& windows, T lowest) {
  return [&windows, lowest](const T* plane, int64_t od, int64_t oh, int64_t ow) {
    T most = lowest;
    for_each_in_window(windows, od, oh, ow, [&](int64_t i) { most = plane[i] > most || plane[i] != plane[i] ? plane[i] : most; });
    return most;
  };
}

}  // namespace

Status reference(const Pool& pool, InputTensors inputs, OutputTensors outputs) {
  HT_ASSIGN(const Windows windows, windows_of(pool, inputs[0]->shape()));
  const Shape& shape = outputs[0].shape();
  if (pool.kind == PoolKind::kMax && is_integer(inputs[0]->dtype())) {
    const int64_t lowest = integer_range(inputs[0]->dtype()).min;
    store(outputs[0], pool_planes(windows, inputs[0]->to_int64s(), shape, max_of<int64_t>(windows, lowest)));
  } else if (pool.kind == PoolKind::kMax) {
    constexpr double kLowest = -std::numeric_limits<double>::infinity();
    store(outputs[0], pool_planes(windows, inputs[0]->to_doubles(), shape, max_of<double>(windows, kLowest)));
  } else {
    const auto average = [&](const double* plane, int64_t od, int64_t oh, int64_t ow) {
      double sum = 0;
      const auto inside = static_cast<double>(for_each_in_window(windows, od, oh, ow, [&](int64_t i) { sum += plane[i]; }));
      const auto& [d, h, w] = windows.axes;
      const double count =
          pool.count_include_pad ? taps_with_padding(d, od) * taps_with_padding(h, oh) * taps_with_padding(w, ow) : inside;
      return count > 0 ? sum / count : 0.0;
    };
    store(outputs[0], pool_planes(windows, inputs[0]->to_doubles(), shape, average));
  }
  return {};
}

}  // namespace ht
