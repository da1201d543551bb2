// SPDX-License-Identifier: Apache-2.0
// What every kernel shares. A kernel is
//
//   void ht_NAME(const ht_NAME_params* parameters, const ht_arguments* arguments, int32_t begin, int32_t end);
//
// It writes the units [begin, end) of its output and nothing else; ht_NAME_units() says how many there are and the
// comment at the parameters what one is. Results do not depend on how the units are split. Kernels allocate nothing
// and cannot fail: whoever fills the parameters guarantees that they fit each other. Element counts fit into int32_t.
//
// One call computes its units in order. The kernels of a bundle read nothing for a unit once they have written beyond it, save that those
// with windows may write three pixels further, and that groups of a convolution may be computed one after the other. So the output may
// lie over an input, if nothing is written on what is still to be read. Where a kernel "may work in place", the output may even begin
// where an input with elements of as many bytes begins, if both have the same strides: element i is read before it is written.
//
// Feature maps are NHWC. A `stride` named after a tensor is the number of elements from one pixel (or row) of that
// tensor to the next, so that a kernel can read and write some channels of a wider tensor. 8-bit values are int8_t.
#ifndef HT_KERNEL_H
#define HT_KERNEL_H

#include <float.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ht_config.h"

#if HT_FLOATS
#if defined(__FAST_MATH__) || defined(__ASSOCIATIVE_MATH__) || defined(__RECIPROCAL_MATH__) || defined(__NO_SIGNED_ZEROS__) || \
    (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__ > 0)
#error "The kernels define their own rounding: compile them without -ffast-math and its parts"
#endif
#if defined(FLT_EVAL_METHOD) && FLT_EVAL_METHOD != 0
#error "The kernels need float arithmetic without excess precision (FLT_EVAL_METHOD 0)"
#endif
#if defined(__clang__)  // gcc knows only -ffp-contract=off, which -std=c99 implies
#pragma STDC FP_CONTRACT OFF
#endif
#endif

// One source, several instruction sets or bundles: HT_SUFFIX tells their functions apart.
#define HT_JOIN_INNER(a, b) a##b
#define HT_JOIN(a, b) HT_JOIN_INNER(a, b)
#ifdef HT_SUFFIX
#define HT_FN(name) HT_JOIN(name, HT_SUFFIX)
#else
#define HT_FN(name) name
#endif

// Before a loop of which no iteration reads what another one writes, although an output may lie on an input.
#if defined(__clang__)
#define HT_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#elif defined(__GNUC__)
#define HT_INDEPENDENT _Pragma("GCC ivdep")
#else
#define HT_INDEPENDENT
#endif

#ifdef __cplusplus
#define HT_RESTRICT
extern "C" {
#else
#define HT_RESTRICT restrict
#endif

enum { HT_MAX_INPUTS = 3, HT_MAX_RANK = 8 };

typedef struct ht_arguments {
  const void* inputs[HT_MAX_INPUTS];
  void* output;
  void* scratch;  // ht_NAME_scratch() bytes, aligned to 64 in a session and 8 in a bundle, not shared between threads
} ht_arguments;

// How a wide integer becomes a narrow one. The numbers are stored in files and never change.
enum {
  HT_FLOAT_HALF_EVEN = 0,  // float(x) * m, round half to even: ONNX Runtime, XNNPACK's fp32
  HT_FIXED_SINGLE = 1,     // Q31 multiplier and shift, one rounding half up: CMSIS-NN, TFLite with single rounding
  HT_FIXED_DOUBLE = 2,     // the same with two roundings: TFLite, gemmlowp
  HT_FIXED_RNDNU = 3,      // multiplier of at most 31 bits, one shift, half up: XNNPACK's rndnu
  HT_SHIFT_HALF_UP = 4,    // a power of two: DPU, MATLAB
  HT_FLOAT_HALF_AWAY = 5   // float(x) * m, round half away from zero: ncnn
};

// Whether something is in use, a constant.
#define HT_USES(set, bit) (((set) >> (bit)) & 1)
#define HT_USES_POLICY(policy) HT_USES(HT_POLICIES, policy)

#ifdef __cplusplus
}
#endif
#endif
