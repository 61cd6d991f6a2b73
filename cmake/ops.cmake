# Every src/op/layers/*.c is compiled once per instruction set, with the width of a vector and the register tile as macros,
# and every CV_OP(name) in them is collected into that set's table. Adding a layer is adding a file.
file(GLOB op_sources CONFIGURE_DEPENDS src/op/layers/*.c)
list(FILTER op_sources EXCLUDE REGEX "_bf16\\.c$") # for one instruction set only, below
set(op_names "")
foreach(source ${op_sources})
  file(STRINGS ${source} lines REGEX "^CV_OP\\([a-z0-9_]+\\)")
  foreach(line ${lines})
    string(REGEX REPLACE "^CV_OP\\(([a-z0-9_]+)\\).*" "X(\\1)\n" entry "${line}")
    string(APPEND op_names "${entry}")
  endforeach()
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${source})
endforeach()
file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/generated/op_list.inc CONTENT "${op_names}")

include(CheckCCompilerFlag)
set(op_objects "")
# name: as convo calls it; lanes: numbers in a vector; rows x columns: the register tile that leaves no register spilled;
# then compiler flags
function(convo_ops name real lanes rows columns)
  add_library(op_${name} OBJECT ${op_sources})
  target_include_directories(op_${name} PRIVATE ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src ${op_list})
  target_compile_definitions(op_${name} PRIVATE CV_ISA=${name} CV_REAL=${real} LANES=${lanes} TILE_ROWS=${rows}
                                                TILE_COLUMNS=${columns})
  target_compile_options(op_${name} PRIVATE -fno-math-errno -fno-trapping-math ${ARGN})
  if(CONVO_FUZZ) # files are not read here, and clang takes minutes to instrument a tile
    target_compile_options(op_${name} PRIVATE -fno-sanitize=all -O1)
  endif()
  if(CMAKE_BUILD_TYPE STREQUAL "Release")
    target_compile_options(op_${name} PRIVATE -O3)
  endif()
endfunction()
# A table of the library.
function(convo_isa name)
  set(op_list ${PROJECT_BINARY_DIR}/generated)
  convo_ops(${name} ${ARGN})
  set(op_objects ${op_objects} $<TARGET_OBJECTS:op_${name}> PARENT_SCOPE)
  set_property(TARGET convo_objects APPEND PROPERTY COMPILE_DEFINITIONS CONVO_HAS_${name})
endfunction()

if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
  convo_isa(baseline float 4 4 3)
  convo_isa(avx2 float 8 4 3 -mavx2 -mfma)
  set(avx512 -mavx512f -mavx512dq -mavx512bw -mavx512vl -mfma -mprefer-vector-width=512)
  convo_isa(avx512 float 16 4 6 ${avx512})
  convo_isa(double double 2 4 3)
  check_c_compiler_flag(-mavx512bf16 CONVO_AVX512_BF16) # GCC 10, Clang 9
  if(CONVO_AVX512_BF16 AND CMAKE_C_COMPILER_ID STREQUAL "GNU") # Clang 14 leaves loops of these tiles rolled: 3.5 times slower
    convo_isa(avx512bf16 float 16 4 6 ${avx512} -mavx512bf16) # avx512, and sums in pairs of bf16
    target_compile_definitions(op_avx512bf16 PRIVATE CV_PAIRS)
  endif()
  check_c_compiler_flag(-mamx-bf16 CONVO_AMX) # GCC 11, Clang 12
  if(CONVO_AMX)
    convo_isa(bf16 float 16 4 6 ${avx512} -mavx512bf16 -mamx-tile -mamx-bf16) # avx512, and layers of its own
    target_sources(op_bf16 PRIVATE src/op/layers/conv_bf16.c src/op/layers/linear_bf16.c)
    target_compile_definitions(op_bf16 PRIVATE CV_AMX)
  endif()
else()
  convo_isa(baseline float 4 4 6) # NEON on arm64
  convo_isa(double double 2 4 6)
endif()
