# ONNX files: protobuf-c's compiler turns Debian's onnx.proto into C, which becomes part of the library. Optional, in the
# manner of optional.cmake, which is read before.
option(CONVO_WITH_ONNX "read or do: ONNX files (with libonnx-dev, protobuf-c-compiler and libprotobuf-c-dev)" ON)
set(onnx_sources "")
if(CONVO_WITH_ONNX)
  find_path(ONNX_PROTO onnx/onnx.proto)
  find_program(PROTOC_C protoc-c)
  mark_as_advanced(ONNX_PROTO PROTOC_C)
  pkg_check_modules(PROTOBUF_C QUIET IMPORTED_TARGET libprotobuf-c)
  if(ONNX_PROTO AND PROTOC_C AND PROTOBUF_C_FOUND)
    set(generated ${PROJECT_BINARY_DIR}/generated)
    set(onnx_sources ${generated}/onnx.pb-c.c)
    file(MAKE_DIRECTORY ${generated})
    add_custom_command(
      OUTPUT ${generated}/onnx.pb-c.c ${generated}/onnx.pb-c.h
      COMMAND ${PROTOC_C} --c_out=${generated} --proto_path=${ONNX_PROTO}/onnx onnx.proto
      DEPENDS ${ONNX_PROTO}/onnx/onnx.proto)
    set_source_files_properties(${onnx_sources} PROPERTIES COMPILE_OPTIONS -w) # not ours
    target_include_directories(convo_optional SYSTEM INTERFACE ${generated})
    target_link_libraries(convo_optional INTERFACE PkgConfig::PROTOBUF_C)
    target_compile_definitions(convo_optional INTERFACE CONVO_HAVE_ONNX)
    list(APPEND CONVO_PRIVATE_LIBS ${PROTOBUF_C_LDFLAGS})
  else()
    message(STATUS "built without: ONNX files; install libonnx-dev, protobuf-c-compiler and libprotobuf-c-dev for that")
  endif()
endif()
