// SPDX-License-Identifier: Apache-2.0
// A network whose integers are all derived: what the session and a code generator both run. It is the same for every device.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "ir/graph.h"
#include "kernels/epilogue.h"
#include "kernels/kernel_list.h"

namespace ht {

using BufferId = Id<struct BufferTag>;

// The order of a value's axes in memory: ONNX's own, or with the channel axis (1) behind the spatial ones (NHWC).
enum class Layout : uint8_t { kPlain, kChannelsLast };

// Memory axis p holds logical axis memory_order(...)[p].
std::vector<size_t> memory_order(size_t rank, Layout layout);
Shape memory_shape(const Shape& shape, Layout layout);
// Strides of the logical axes, in elements.
Shape layout_strides(const Shape& shape, Layout layout);
// Whether the elements lie in the same order under both layouts, because only axes of one element change places.
bool same_memory(const Shape& shape, Layout a, Layout b);
// The bytes of a plain tensor rearranged to the layout.
std::vector<uint8_t> to_layout(const Tensor& tensor, Layout layout);

// Where a value lies in the memory of another: its elements in their order, in rows of `width` that begin `stride` elements apart, the
// first at `offset`. A width of 0 stands for one row of all elements.
struct Region {
  int64_t offset = 0, width = 0, stride = 0;
};

// A value in memory. Quantized values of 8 and 16 bits are signed: where the graph's value is not, half the range has been subtracted
// from integers and zero points, and `is_unsigned` is set.
struct Buffer {
  std::string name;  // of the graph's value
  DType dtype = DType::kFloat32;
  Shape shape;  // in the order of ONNX
  Layout layout = Layout::kPlain;
  std::optional<Affine> affine;
  bool is_unsigned = false;
  std::shared_ptr<const std::vector<uint8_t>> constant;  // in the layout's order
  BufferId alias_of;  // lies in the memory of another buffer, which is not itself an alias
  ValueId value;      // the graph's value, where this is the form in which it is made (others convert from it)
  Region region{};    // of an alias: where in the other's memory

  int64_t bytes() const { return element_count(shape) * dtype_size(dtype); }
  DType declared() const;  // the type of the graph's value
};
// Whether two values that lie in the memory of one may share elements.
bool may_overlap(const Buffer& a, const Buffer& b);
// Adds half the range to unsigned integers of this type that lie in memory as signed ones, or takes it away again.
void flip_signs(DType dtype, std::span<uint8_t> bytes);

#define HT_KERNEL_ID(name, params) k_##name,
enum class KernelId : uint8_t { HT_KERNELS(HT_KERNEL_ID) };
#undef HT_KERNEL_ID
std::string_view kernel_name(KernelId kernel);

using KernelParams =
    std::variant<ht_conv_params, ht_conv_wide_params, ht_conv_w4_params, ht_conv_s16_params, ht_depthwise_s16_params, ht_depthwise_params, ht_gemm_params, ht_pool_params, ht_binary_params, ht_table_params, ht_convert_params, ht_convert_s16_params,
                 ht_copy_params, ht_fill_params, ht_gather_params, ht_resample_params, ht_softmax_params, ht_conv_f32_params,
                 ht_depthwise_f32_params, ht_gemm_f32_params, ht_pool_f32_params, ht_unary_f32_params, ht_binary_f32_params,
                 ht_reduce_f32_params, ht_softmax_f32_params, ht_binary_int_params, ht_compare_f32_params, ht_unary_int_params,
                 ht_cast_params, ht_select_params, ht_reduce_int_params, ht_positions_params, ht_take_params, ht_put_params, ht_argmax_params,
                 ht_topk_params, ht_cumulative_params, ht_normalize_f32_params, ht_sample_f32_params,
                 ht_roi_align_f32_params>;

// What Step::op says of a copy that moves all of a value into another layout.
inline constexpr std::string_view kLayoutOp = "Layout";

// One call of a kernel. Pointers in the parameters point into `arrays`, which copies of the step share.
struct Step {
  std::string node;  // the graph's node that it belongs to
  std::string op;    // that node's operator, or "Convert" where a step only changes a quantization, or kLayoutOp
  KernelId kernel{};
  KernelParams params;
  std::vector<std::shared_ptr<const void>> arrays;
  std::vector<BufferId> inputs;
  BufferId output;
  int64_t macs = 0;
  bool is_conversion = false;  // between float and integers or between two quantizations, not asked for by the graph's operator
};


struct Plan {
  Policy policy = Policy::kFloatHalfEven;
  std::vector<Buffer> buffers;
  std::vector<Step> steps;
  std::vector<BufferId> inputs, outputs;

  const Buffer& buffer(BufferId id) const { return buffers[id.index]; }
  BufferId root(BufferId id) const { return buffer(id).alias_of.valid() ? buffer(id).alias_of : id; }
};

}  // namespace ht
