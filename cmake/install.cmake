# What `cmake --install` puts where: the header, the libraries, the command with its manual pages and completion, recipes
# and data, and the two ways in which other projects find the library: pkg-config and find_package(convo).
# `cmake --build BUILD --target uninstall` takes it away again.
include(CMakePackageConfigHelpers)
set(share ${CMAKE_INSTALL_DATADIR}/convo)
target_compile_definitions(convo_cli PRIVATE CONVO_PREFIX="${CMAKE_INSTALL_PREFIX}" CONVO_SHARE="${share}"
                                             CONVO_COMMAND="${CMAKE_INSTALL_BINDIR}/convo")
# The command in the build folder finds both beside it, from any working directory.
file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/${share})
foreach(folder recipes data)
  file(CREATE_LINK ${PROJECT_SOURCE_DIR}/${folder} ${PROJECT_BINARY_DIR}/${share}/${folder} SYMBOLIC)
endforeach()

install(FILES include/convo.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(TARGETS ${libraries} EXPORT convo DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS convo_cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(DIRECTORY recipes DESTINATION ${share} FILES_MATCHING PATTERN "*.yaml")
install(DIRECTORY data DESTINATION ${share})
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})

# Manual pages are what the command says of itself; completion asks it at every Tab.
if(NOT CMAKE_CROSSCOMPILING OR CMAKE_CROSSCOMPILING_EMULATOR)
  set(manual ${PROJECT_BINARY_DIR}/man/man1)
  file(MAKE_DIRECTORY ${manual})
  add_custom_command(OUTPUT ${manual}/convo.1 COMMAND convo_cli help --man --out ${manual} DEPENDS convo_cli VERBATIM)
  add_custom_target(manual ALL DEPENDS ${manual}/convo.1)
  install(DIRECTORY ${manual} DESTINATION ${CMAKE_INSTALL_MANDIR})
else()
  message(STATUS "built without: manual pages; set CMAKE_CROSSCOMPILING_EMULATOR for that")
endif()
install(FILES cli/completion/convo.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME convo)
install(FILES cli/completion/_convo DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)

# --- find_package(convo) -------------------------------------------------------------------------------------------
if(NOT BUILD_SHARED_LIBS)
  set_target_properties(convo_static PROPERTIES EXPORT_NAME convo)
endif()
list(REMOVE_DUPLICATES CONVO_PRIVATE_LIBS)
target_link_libraries(convo_static INTERFACE "$<INSTALL_INTERFACE:${CONVO_PRIVATE_LIBS}>")
set(package ${CMAKE_INSTALL_LIBDIR}/cmake/convo)
install(EXPORT convo NAMESPACE convo:: FILE convoTargets.cmake DESTINATION ${package})
configure_package_config_file(cmake/convoConfig.cmake.in ${PROJECT_BINARY_DIR}/convoConfig.cmake
                              INSTALL_DESTINATION ${package})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/convoConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/convoConfig.cmake ${PROJECT_BINARY_DIR}/convoConfigVersion.cmake
        DESTINATION ${package})

# --- pkg-config ----------------------------------------------------------------------------------------------------
# The way from convo.pc up to the prefix, so that an installed tree can be moved.
file(RELATIVE_PATH up ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
string(REGEX REPLACE "/$" "" up "${up}")
# Flags and not Requires.private: who links the shared library does not need the other libraries' development files.
list(JOIN CONVO_PRIVATE_LIBS " " private_flags)
set(private .private)
if(NOT BUILD_SHARED_LIBS)
  set(private "") # a static library needs them always
endif()
configure_file(cmake/convo.pc.in ${PROJECT_BINARY_DIR}/convo.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/convo.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

add_custom_target(uninstall COMMAND ${CMAKE_COMMAND} -P ${PROJECT_SOURCE_DIR}/cmake/uninstall.cmake
                  WORKING_DIRECTORY ${PROJECT_BINARY_DIR})
