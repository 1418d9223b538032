# `cpack` in a build folder makes nopos_<version>_<architecture>.deb: what `cmake --install` puts below /usr, and the
# libraries of LibTorch that the program loads, in <libdir>/nopos/torch, where it looks for them. LibTorch is the
# component `torch`: `cmake --install` leaves it out, and `cpack -D CPACK_COMPONENTS_ALL=Unspecified` makes a package
# without it, for machines where NOPOS_TORCH_ROOT names one.

# libtorch_cpu.so and whatever it needs from LibTorch's folder or beside it (the CUDA runtime that a CUDA wheel names).
set(torch_destination ${CMAKE_INSTALL_LIBDIR}/nopos/torch)
install(CODE "
  set(torch_root \"${LibTorch_ROOT}\")
  set(torch_destination \"${torch_destination}\")
  include(\"${CMAKE_CURRENT_LIST_DIR}/InstallTorch.cmake\")" COMPONENT torch EXCLUDE_FROM_ALL)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME nopos)
set(CPACK_PACKAGE_VENDOR NoPos)
set(CPACK_PACKAGE_CONTACT "NoPos <nopos@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY ${PROJECT_DESCRIPTION})
set(CPACK_PACKAGE_DESCRIPTION "nopos-host trains, evaluates and analyses transformer language models. Every concrete part is a shared library that it finds at run time. LibTorch ${LibTorch_VERSION} comes along.")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES OFF)  # the build ids of plugins stand in their manifests; a stripped library keeps its own, LibTorch is
                            # left as it came
set(CPACK_COMPONENTS_ALL Unspecified torch)
set(CPACK_COMPONENTS_GROUPING ALL_COMPONENTS_IN_ONE)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_COMPRESSION_TYPE zstd)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
file(GLOB torch_neighbours LIST_DIRECTORIES true "${LibTorch_ROOT}/../nvidia/*/lib")
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS
  ${CMAKE_LIBRARY_OUTPUT_DIRECTORY} "${LibTorch_ROOT}/lib" ${torch_neighbours})
include(CPack)
