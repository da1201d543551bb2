// SPDX-License-Identifier: Apache-2.0
// Which parts of the kernels are in use, so that the others leave no code. These lines are of the whole library, which uses all; a
// bundle has a file of its own in this place.
#ifndef HT_CONFIG_H
#define HT_CONFIG_H

#define HT_POLICIES 0x3f  // bit HT_FLOAT_HALF_EVEN, ...
#define HT_OUTPUTS 0x3f   // bit HT_OUTPUT_S8, ...
#define HT_FLOATS 1       // whether anything computes with floats

#endif
