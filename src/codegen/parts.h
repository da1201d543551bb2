// SPDX-License-Identifier: Apache-2.0
// The files of a bundle, one function each.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "codegen/bundle.h"

namespace ht {

std::string header_file(const Design& design);      // NAME.h
std::string program_file(const Design& design);     // NAME.c
std::string weights_header(const Design& design);   // NAME_weights.h
std::string weights_file(const Design& design);     // NAME_weights.c
std::vector<BundleFile> kernel_files(const Design& design);
// Makefile, CMakeLists.txt and the example.
std::vector<BundleFile> project_files(const Design& design);
std::vector<BundleFile> test_files(const Design& design, const std::vector<TestVector>& vectors, const std::vector<FrameVector>& frames);

// The C type of the first input's elements.
std::string input_type(const Design& design);

// The struct of a step's parameters, and its initializer.
std::string struct_name(const Step& step);
std::string parameters_text(const Design& design, size_t index);

// The steps whose structs are written: those of steps without a row.
std::set<size_t> steps_with_structs(const Design& design);

// The first line of a file: what it is and where it comes from.
std::string made_by(const Design& design, std::string_view what);
// "int8_t 1x96x96x3"
std::string type_text(const Buffer& buffer);
// Visits the parameters' arrays as they are named in the constants; how the two passes over a step agree.
std::string array_wish(size_t step, std::string_view field);

}  // namespace ht
