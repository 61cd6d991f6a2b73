# A Debian package: `cpack` in the build folder. tests/package.sh builds one and looks into it, installs and removes it.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME convo)
set(CPACK_PACKAGE_CONTACT "convo maintainers <maintainers@users.noreply.b-seed-fa6cd5dd.example>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "train and run small convolutional networks for speech and pictures")
set(CPACK_PACKAGING_INSTALL_PREFIX ${CMAKE_INSTALL_PREFIX}) # where the command looks for recipes and recordings
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON) # Depends: what the programs and libraries are linked with
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "gnuplot-nox, fonts-dejavu-core, libcurl4, libarchive13, libmicrohttpd12") # loaded when needed
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
    "convo takes a folder of recordings or pictures to a tested, explained small\n\
convolutional network, on ordinary processors and without Python. This package\n\
holds the command, its recipes, a data set of spoken digits, and the C library\n\
with its header, shared and static.")
include(CPack)

# share/doc/convo/copyright: LICENSE in Debian's format, and that of the recordings.
file(READ LICENSE licence)
string(REGEX REPLACE "^.*contributors\n\n|\n$" "" licence "${licence}")
string(REPLACE "\n\n" "\n.\n" licence "${licence}")
string(REPLACE "\n" "\n " licence "${licence}")
configure_file(cmake/copyright.in ${PROJECT_BINARY_DIR}/copyright @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/copyright DESTINATION ${CMAKE_INSTALL_DOCDIR})
