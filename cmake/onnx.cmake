# ONNX files: protobuf-c's compiler turns Debian's onnx.proto into C, which is part of the library. Read after
# optional.cmake, in the same manner.
option(CONVO_WITH_ONNX "use libonnx-dev, protobuf-c-compiler and libprotobuf-c-dev for ONNX files, when they are there" ON)
set(onnx_sources "")
if(CONVO_WITH_ONNX)
  find_path(ONNX_INCLUDE onnx/onnx.proto)
  find_program(PROTOC_C protoc-c)
  pkg_check_modules(PROTOBUF_C QUIET IMPORTED_TARGET libprotobuf-c)
  if(ONNX_INCLUDE AND PROTOC_C AND PROTOBUF_C_FOUND)
    set(generated ${PROJECT_BINARY_DIR}/generated)
    set(onnx_sources ${generated}/onnx.pb-c.c)
    file(MAKE_DIRECTORY ${generated})
    add_custom_command(OUTPUT ${generated}/onnx.pb-c.c ${generated}/onnx.pb-c.h
                       COMMAND ${PROTOC_C} --c_out=${generated} --proto_path=${ONNX_INCLUDE}/onnx onnx.proto
                       DEPENDS ${ONNX_INCLUDE}/onnx/onnx.proto)
    set_source_files_properties(${onnx_sources} PROPERTIES COMPILE_OPTIONS -w) # not ours
    target_include_directories(convo_optional SYSTEM INTERFACE ${generated})
    target_link_libraries(convo_optional INTERFACE PkgConfig::PROTOBUF_C)
    target_compile_definitions(convo_optional INTERFACE CONVO_HAVE_ONNX)
    set(optional_packages "${optional_packages} libprotobuf-c")
  else()
    message(STATUS "without ONNX files: libonnx-dev, protobuf-c-compiler or libprotobuf-c-dev is not installed")
  endif()
endif()
