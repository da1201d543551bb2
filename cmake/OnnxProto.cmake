# SPDX-License-Identifier: Apache-2.0
# The protobuf classes of the ONNX package's own onnx.proto, which asks for the lite runtime: small, and no descriptors to register
# at every start. Only src/import/onnx and src/export/onnx may link this.
find_file(ONNX_PROTO_FILE onnx/onnx.proto PATHS /usr/include REQUIRED)
get_filename_component(onnx_proto_folder ${ONNX_PROTO_FILE} DIRECTORY)
set(onnx_proto_output ${CMAKE_BINARY_DIR}/onnx_proto)
file(MAKE_DIRECTORY ${onnx_proto_output})
add_custom_command(
  OUTPUT ${onnx_proto_output}/onnx.pb.cc ${onnx_proto_output}/onnx.pb.h
  COMMAND protobuf::protoc --proto_path=${onnx_proto_folder} --cpp_out=${onnx_proto_output} ${ONNX_PROTO_FILE}
  DEPENDS ${ONNX_PROTO_FILE}
  VERBATIM)
add_library(halftone_onnx_proto STATIC ${onnx_proto_output}/onnx.pb.cc ${onnx_proto_output}/onnx.pb.h)
target_include_directories(halftone_onnx_proto SYSTEM PUBLIC $<BUILD_INTERFACE:${onnx_proto_output}>)
target_link_libraries(halftone_onnx_proto PUBLIC protobuf::libprotobuf-lite)
target_compile_options(halftone_onnx_proto PRIVATE $<$<CONFIG:Release>:-O1>)
set_target_properties(halftone_onnx_proto PROPERTIES EXPORT_NAME onnx_proto)
halftone_install_library(halftone_onnx_proto)
