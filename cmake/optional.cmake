# Libraries that convo can do without. Each has an option CONVO_WITH_NAME; where it is found, the sources see
# CONVO_HAVE_NAME; where not, what needs it says what to install.
add_library(convo_optional INTERFACE)
set(CONVO_PRIVATE_REQUIRES "") # for convo.pc: what pkg-config knows
set(CONVO_PRIVATE_LIBS "")     # for convo.pc: what it does not know

# convo_optional(NAME "Debian's package" "what needs it" the packages of pkg-config)
function(convo_optional name debian use)
  option(CONVO_WITH_${name} "read or do: ${use} (with ${debian})" ON)
  if(NOT CONVO_WITH_${name})
    return()
  endif()
  pkg_check_modules(${name} QUIET IMPORTED_TARGET ${ARGN})
  if(NOT ${name}_FOUND)
    message(STATUS "built without: ${use}; install ${debian} for that")
    return()
  endif()
  target_link_libraries(convo_optional INTERFACE PkgConfig::${name})
  target_compile_definitions(convo_optional INTERFACE CONVO_HAVE_${name})
  set(CONVO_PRIVATE_REQUIRES "${CONVO_PRIVATE_REQUIRES} ${ARGN}" PARENT_SCOPE)
endfunction()

convo_optional(LIBARCHIVE libarchive-dev "npz arrays, packed files, unpacking of downloads" libarchive)
convo_optional(CURL libcurl4-openssl-dev "downloads" libcurl)
convo_optional(NETTLE nettle-dev "checksums of downloads" nettle)
convo_optional(MATIO libmatio-dev "MATLAB files" matio)
convo_optional(LIBPNG libpng-dev "PNG pictures" libpng)
convo_optional(LIBJPEG libjpeg-dev "JPEG pictures" libjpeg)

option(CONVO_WITH_LIBCSV "read or do: CSV manifests (with libcsv-dev)" ON)
if(CONVO_WITH_LIBCSV) # it comes without a file for pkg-config
  find_path(LIBCSV_HEADER csv.h)
  find_library(LIBCSV_LIBRARY csv)
  mark_as_advanced(LIBCSV_HEADER LIBCSV_LIBRARY)
  if(LIBCSV_HEADER AND LIBCSV_LIBRARY)
    target_include_directories(convo_optional INTERFACE ${LIBCSV_HEADER})
    target_link_libraries(convo_optional INTERFACE ${LIBCSV_LIBRARY})
    target_compile_definitions(convo_optional INTERFACE CONVO_HAVE_LIBCSV)
    set(CONVO_PRIVATE_LIBS " -lcsv")
  else()
    message(STATUS "built without: CSV manifests; install libcsv-dev for that")
  endif()
endif()
