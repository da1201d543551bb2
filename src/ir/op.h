// SPDX-License-Identifier: Apache-2.0
// What each operator family is told: plain attribute structs and the closed variant over them. Everything an operator does
// stands in its folder of src/ops. Attributes are resolved at import: static shapes, no negative axes, no automatic padding.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <tuple>
#include <variant>
#include <vector>

#include "ir/type.h"

namespace ht {

using Ints = std::vector<int64_t>;
using Floats = std::vector<float>;

// A named member of an attribute struct; printing and parsing go over an operator's kFields.
template <class Owner, class Member>
struct Field {
  std::string_view name;
  Member Owner::*member;
};

// N-d convolution, cross-correlation as ONNX has it. Inputs: x [N,C,spatial...], weights [M,C/groups,kernel...], bias [M]
// (optional). pads are the begins of all spatial axes, then the ends.
struct Conv {
  Ints strides, dilations, pads;
  int64_t groups = 1;
  bool operator==(const Conv&) const = default;
  static constexpr std::string_view kName = "Conv";
  static constexpr auto kFields = std::tuple(Field{"strides", &Conv::strides}, Field{"dilations", &Conv::dilations},
                                             Field{"pads", &Conv::pads}, Field{"groups", &Conv::groups});
};

// alpha * op(a) op(b) + beta * c, with a and b matrices and c (optional) broadcast to the product.
struct Gemm {
  float alpha = 1, beta = 1;
  bool transpose_a = false, transpose_b = false;
  bool operator==(const Gemm&) const = default;
  static constexpr std::string_view kName = "Gemm";
  static constexpr auto kFields = std::tuple(Field{"alpha", &Gemm::alpha}, Field{"beta", &Gemm::beta},
                                             Field{"transpose_a", &Gemm::transpose_a}, Field{"transpose_b", &Gemm::transpose_b});
};

// numpy.matmul.
struct MatMul {
  bool operator==(const MatMul&) const = default;
  static constexpr std::string_view kName = "MatMul";
  static constexpr auto kFields = std::tuple();
};

// Inputs: x [N,C,...], scale, bias, mean, variance, each [C].
struct BatchNormalization {
  float epsilon = 1e-5f;
  bool operator==(const BatchNormalization&) const = default;
  static constexpr std::string_view kName = "BatchNormalization";
  static constexpr auto kFields = std::tuple(Field{"epsilon", &BatchNormalization::epsilon});
};

enum class UnaryKind : uint8_t {
  kRelu, kLeakyRelu, kClip, kSigmoid, kHardSigmoid, kSilu, kHardSwish, kTanh, kGelu, kGeluTanh, kErf, kElu, kSelu, kCelu, kSoftplus,
  kSoftsign, kMish, kExp, kLog, kSqrt, kNeg, kAbs, kFloor, kCeil, kRound, kReciprocal, kSin, kCos, kSign, kNot,
};
inline constexpr std::array<std::string_view, 30> kUnaryNames = {
    "Relu", "LeakyRelu", "Clip", "Sigmoid", "HardSigmoid", "Silu", "HardSwish", "Tanh", "Gelu", "GeluTanh", "Erf", "Elu", "Selu", "Celu",
    "Softplus", "Softsign", "Mish", "Exp", "Log", "Sqrt", "Neg", "Abs", "Floor", "Ceil", "Round", "Reciprocal", "Sin", "Cos", "Sign", "Not"};

// One function of each element. alpha and beta as in ONNX: LeakyRelu, Elu, Celu, HardSigmoid (alpha x + beta), Selu (alpha,
// gamma in beta); Clip: the bounds, in the element type of integers too.
struct Unary {
  UnaryKind kind = UnaryKind::kRelu;
  float alpha = 0, beta = 0;
  bool operator==(const Unary&) const = default;
  static constexpr std::string_view kName = "Unary";
  static constexpr auto kFields = std::tuple(Field{"kind", &Unary::kind}, Field{"alpha", &Unary::alpha}, Field{"beta", &Unary::beta});
};

enum class BinaryKind : uint8_t { kAdd, kSub, kMul, kDiv, kPow, kMin, kMax, kMod, kFmod, kPRelu, kEqual, kLess, kLessOrEqual, kGreater, kGreaterOrEqual, kAnd, kOr, kXor };
inline constexpr std::array<std::string_view, 18> kBinaryNames = {"Add", "Sub", "Mul", "Div", "Pow", "Min", "Max", "Mod", "Fmod", "PRelu",
    "Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual", "And", "Or", "Xor"};

// One function of two elements, with numpy's broadcasting.
struct Binary {
  BinaryKind kind = BinaryKind::kAdd;
  bool operator==(const Binary&) const = default;
  static constexpr std::string_view kName = "Binary";
  static constexpr auto kFields = std::tuple(Field{"kind", &Binary::kind});
};

struct Concat {
  int64_t axis = 0;
  bool operator==(const Concat&) const = default;
  static constexpr std::string_view kName = "Concat";
  static constexpr auto kFields = std::tuple(Field{"axis", &Concat::axis});
};

// Along every axis: sizes elements from starts on, steps apart (a negative step goes backwards). Split becomes several.
struct Slice {
  Ints starts, steps, sizes;
  bool operator==(const Slice&) const = default;
  static constexpr std::string_view kName = "Slice";
  static constexpr auto kFields = std::tuple(Field{"starts", &Slice::starts}, Field{"steps", &Slice::steps}, Field{"sizes", &Slice::sizes});
};

// Reshape, Flatten, Squeeze and Unsqueeze.
struct Reshape {
  Shape shape;
  bool operator==(const Reshape&) const = default;
  static constexpr std::string_view kName = "Reshape";
  static constexpr auto kFields = std::tuple(Field{"shape", &Reshape::shape});
};

// Output axis i is input axis permutation[i].
struct Transpose {
  Ints permutation;
  bool operator==(const Transpose&) const = default;
  static constexpr std::string_view kName = "Transpose";
  static constexpr auto kFields = std::tuple(Field{"permutation", &Transpose::permutation});
};

enum class PadMode : uint8_t { kConstant, kReflect, kEdge, kWrap };
inline constexpr std::array<std::string_view, 4> kPadModeNames = {"constant", "reflect", "edge", "wrap"};

// pads are the begins of all axes, then the ends; negative ones crop.
struct Pad {
  PadMode mode = PadMode::kConstant;
  Ints pads;
  float value = 0;
  bool operator==(const Pad&) const = default;
  static constexpr std::string_view kName = "Pad";
  static constexpr auto kFields = std::tuple(Field{"mode", &Pad::mode}, Field{"pads", &Pad::pads}, Field{"value", &Pad::value});
};

enum class PoolKind : uint8_t { kMax, kAverage };
inline constexpr std::array<std::string_view, 2> kPoolNames = {"MaxPool", "AveragePool"};

// Pooling over the spatial axes of [N,C,spatial...]. With `global` the window is the whole plane and the rest is empty. With
// ceil_mode the output size is rounded up (windows that would start in the padding are dropped).
struct Pool {
  PoolKind kind = PoolKind::kMax;
  Ints kernel, strides, dilations, pads;
  bool ceil_mode = false, count_include_pad = false, global = false;
  bool operator==(const Pool&) const = default;
  static constexpr std::string_view kName = "Pool";
  static constexpr auto kFields = std::tuple(Field{"kind", &Pool::kind}, Field{"kernel", &Pool::kernel}, Field{"strides", &Pool::strides},
                                             Field{"dilations", &Pool::dilations}, Field{"pads", &Pool::pads}, Field{"ceil_mode", &Pool::ceil_mode},
                                             Field{"count_include_pad", &Pool::count_include_pad}, Field{"global", &Pool::global});
};

enum class ResizeMode : uint8_t { kNearest, kLinear, kCubic };
inline constexpr std::array<std::string_view, 3> kResizeModeNames = {"nearest", "linear", "cubic"};
enum class Coordinates : uint8_t { kHalfPixel, kHalfPixelSymmetric, kPytorchHalfPixel, kAlignCorners, kAsymmetric, kTfHalfPixelForNn };
inline constexpr std::array<std::string_view, 6> kCoordinatesNames = {"half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric", "tf_half_pixel_for_nn"};
enum class NearestMode : uint8_t { kRoundPreferFloor, kRoundPreferCeil, kFloor, kCeil };
inline constexpr std::array<std::string_view, 4> kNearestModeNames = {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"};

// ONNX's Resize (and Upsample) to the static `sizes`; `scales` are what coordinates are transformed with, one an axis.
struct Resize {
  ResizeMode mode = ResizeMode::kNearest;
  Coordinates coordinates = Coordinates::kHalfPixel;
  NearestMode nearest = NearestMode::kRoundPreferFloor;
  Shape sizes;
  Floats scales;
  float cubic_a = -0.75f;
  bool exclude_outside = false, antialias = false;
  bool operator==(const Resize&) const = default;
  static constexpr std::string_view kName = "Resize";
  static constexpr auto kFields = std::tuple(Field{"mode", &Resize::mode}, Field{"coordinates", &Resize::coordinates}, Field{"nearest", &Resize::nearest},
                                             Field{"sizes", &Resize::sizes}, Field{"scales", &Resize::scales}, Field{"cubic_a", &Resize::cubic_a},
                                             Field{"exclude_outside", &Resize::exclude_outside}, Field{"antialias", &Resize::antialias});
};

struct Softmax {
  int64_t axis = 0;
  bool logarithm = false;
  bool operator==(const Softmax&) const = default;
  static constexpr std::string_view kName = "Softmax";
  static constexpr auto kFields = std::tuple(Field{"axis", &Softmax::axis}, Field{"logarithm", &Softmax::logarithm});
};

enum class ReduceKind : uint8_t { kSum, kMean, kMax, kMin, kProd, kL1, kL2, kLogSum, kLogSumExp, kSumSquare };
inline constexpr std::array<std::string_view, 10> kReduceNames = {"ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceSumSquare"};

// axes are sorted and never empty.
struct Reduce {
  ReduceKind kind = ReduceKind::kMean;
  Ints axes;
  bool keep_dims = true;
  bool operator==(const Reduce&) const = default;
  static constexpr std::string_view kName = "Reduce";
  static constexpr auto kFields = std::tuple(Field{"kind", &Reduce::kind}, Field{"axes", &Reduce::axes}, Field{"keep_dims", &Reduce::keep_dims});
};

// Inputs: data, indices (i32 or i64; negative ones count from the end).
struct Gather {
  int64_t axis = 0;
  bool operator==(const Gather&) const = default;
  static constexpr std::string_view kName = "Gather";
  static constexpr auto kFields = std::tuple(Field{"axis", &Gather::axis});
};

// Element p of the output is the data's at p, but with the index in place of p[axis]. Inputs: data, indices (i32 or i64; negative
// ones count from the end) with as many axes.
struct GatherElements {
  int64_t axis = 0;
  bool operator==(const GatherElements&) const = default;
  static constexpr std::string_view kName = "GatherElements";
  static constexpr auto kFields = std::tuple(Field{"axis", &GatherElements::axis});
};

// Inputs: data, indices [batch..., tuples..., depth], whose last axis holds indices along the data's axes after the batch.
struct GatherND {
  int64_t batch_dims = 0;
  bool operator==(const GatherND&) const = default;
  static constexpr std::string_view kName = "GatherND";
  static constexpr auto kFields = std::tuple(Field{"batch_dims", &GatherND::batch_dims});
};

enum class ScatterReduction : uint8_t { kNone, kAdd, kMul, kMax, kMin };
inline constexpr std::array<std::string_view, 5> kScatterReductionNames = {"none", "add", "mul", "max", "min"};

// The data with elements replaced by, or reduced with, updates: in the order of the updates, where GatherElements and GatherND
// would read. Inputs: data, indices, updates.
struct ScatterElements {
  int64_t axis = 0;
  ScatterReduction reduction = ScatterReduction::kNone;
  bool operator==(const ScatterElements&) const = default;
  static constexpr std::string_view kName = "ScatterElements";
  static constexpr auto kFields = std::tuple(Field{"axis", &ScatterElements::axis}, Field{"reduction", &ScatterElements::reduction});
};
struct ScatterND {
  ScatterReduction reduction = ScatterReduction::kNone;
  bool operator==(const ScatterND&) const = default;
  static constexpr std::string_view kName = "ScatterND";
  static constexpr auto kFields = std::tuple(Field{"reduction", &ScatterND::reduction});
};

// The index (i64) of the largest or least element along an axis, which stays with size 1: of equal ones the first or the last.
struct ArgExtreme {
  int64_t axis = 0;
  bool smallest = false, last = false;
  bool operator==(const ArgExtreme&) const = default;
  static constexpr std::string_view kName = "ArgExtreme";
  static constexpr auto kFields =
      std::tuple(Field{"axis", &ArgExtreme::axis}, Field{"smallest", &ArgExtreme::smallest}, Field{"last", &ArgExtreme::last});
};

// The indices (i64) of the k largest or least elements along an axis, in that order; of equal ones the first comes first.
struct TopK {
  int64_t axis = 0, k = 1;
  bool smallest = false;
  bool operator==(const TopK&) const = default;
  static constexpr std::string_view kName = "TopK";
  static constexpr auto kFields = std::tuple(Field{"axis", &TopK::axis}, Field{"k", &TopK::k}, Field{"smallest", &TopK::smallest});
};

enum class CumulativeKind : uint8_t { kSum, kProd };
inline constexpr std::array<std::string_view, 2> kCumulativeNames = {"CumSum", "CumProd"};

// Sums or products up to each element along an axis, without the element itself where `exclusive`, from the end where `reverse`.
struct Cumulative {
  CumulativeKind kind = CumulativeKind::kSum;
  int64_t axis = 0;
  bool exclusive = false, reverse = false;
  bool operator==(const Cumulative&) const = default;
  static constexpr std::string_view kName = "Cumulative";
  static constexpr auto kFields = std::tuple(Field{"kind", &Cumulative::kind}, Field{"axis", &Cumulative::axis},
                                             Field{"exclusive", &Cumulative::exclusive}, Field{"reverse", &Cumulative::reverse});
};

// (x - mean) / sqrt(variance + epsilon) over all axes from `axis` on; without subtract_mean the mean is taken to be 0. Scales and
// offsets are operators of their own.
struct Normalize {
  int64_t axis = 0;
  float epsilon = 1e-5f;
  bool subtract_mean = true;
  bool operator==(const Normalize&) const = default;
  static constexpr std::string_view kName = "Normalize";
  static constexpr auto kFields = std::tuple(Field{"axis", &Normalize::axis}, Field{"epsilon", &Normalize::epsilon},
                                             Field{"subtract_mean", &Normalize::subtract_mean});
};

enum class GridPadding : uint8_t { kZeros, kBorder, kReflection };
inline constexpr std::array<std::string_view, 3> kGridPaddingNames = {"zeros", "border", "reflection"};

// ONNX's GridSample of pictures. Inputs: x [N,C,H,W], grid [N,height,width,2] of places (x, y) between -1 and 1.
struct GridSample {
  ResizeMode mode = ResizeMode::kLinear;
  GridPadding padding = GridPadding::kZeros;
  bool align_corners = false;
  bool operator==(const GridSample&) const = default;
  static constexpr std::string_view kName = "GridSample";
  static constexpr auto kFields = std::tuple(Field{"mode", &GridSample::mode}, Field{"padding", &GridSample::padding},
                                             Field{"align_corners", &GridSample::align_corners});
};

// Cells, height by width, of each of some regions of pictures: the mean of `samples` by `samples` places in it or, with `maximum`, the
// largest of their weighted taps; with no number as many a side as a cell has pixels. Inputs: x [N,C,H,W], regions [R,4] of x, y of
// two corners, to be multiplied with `scale`, and the index of the picture [R] (i32 or i64).
struct RoiAlign {
  static constexpr int64_t kMostSamples = 1024;
  bool maximum = false, half_pixel = true;
  int64_t height = 1, width = 1, samples = 0;
  float scale = 1;
  bool operator==(const RoiAlign&) const = default;
  static constexpr std::string_view kName = "RoiAlign";
  static constexpr auto kFields =
      std::tuple(Field{"maximum", &RoiAlign::maximum}, Field{"half_pixel", &RoiAlign::half_pixel}, Field{"height", &RoiAlign::height},
                 Field{"width", &RoiAlign::width}, Field{"samples", &RoiAlign::samples}, Field{"scale", &RoiAlign::scale});
};

// Broadcasts to the shape.
struct Expand {
  Shape shape;
  bool operator==(const Expand&) const = default;
  static constexpr std::string_view kName = "Expand";
  static constexpr auto kFields = std::tuple(Field{"shape", &Expand::shape});
};

// Inputs: condition, a, b.
struct Where {
  bool operator==(const Where&) const = default;
  static constexpr std::string_view kName = "Where";
  static constexpr auto kFields = std::tuple();
};

// Changes the element type as ONNX's Cast does.
struct Cast {
  DType to = DType::kFloat32;
  bool operator==(const Cast&) const = default;
  static constexpr std::string_view kName = "Cast";
  static constexpr auto kFields = std::tuple(Field{"to", &Cast::to});
};

// Changes a value's quantization and nothing else: float to integer, integer to float, integer to other parameters. `to` says
// the element type and, where that is an integer's, the scales.
struct Convert {
  DType to = DType::kFloat32;
  std::optional<Affine> affine;
  bool operator==(const Convert&) const = default;
  static constexpr std::string_view kName = "Convert";
  static constexpr auto kFields = std::tuple(Field{"to", &Convert::to}, Field{"affine", &Convert::affine});
};

using Op = std::variant<Conv, Gemm, MatMul, BatchNormalization, Unary, Binary, Concat, Slice, Reshape, Transpose, Pad, Pool, Resize, Softmax,
                        Reduce, Gather, GatherElements, GatherND, ScatterElements, ScatterND, ArgExtreme, TopK, Cumulative, Normalize,
                        GridSample, RoiAlign, Expand, Where, Cast, Convert>;

// The family's name, or the kind's where the family has kinds ("Conv", "Silu", "MaxPool").
std::string_view op_name(const Op& op);

}  // namespace ht
