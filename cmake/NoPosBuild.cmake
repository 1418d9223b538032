# How our own code is compiled, and where its results lie: the build tree mirrors the install tree, so that
# build/<preset>/bin/nopos-host finds its engine and plugins without being installed.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "build type" FORCE)
endif()

set(NOPOS_SANITIZE "" CACHE STRING "sanitizers, e.g. address,undefined")
if(NOPOS_SANITIZE)
  add_compile_options(-fsanitize=${NOPOS_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${NOPOS_SANITIZE})
endif()

find_program(NOPOS_CCACHE ccache)
if(NOPOS_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # Precompiled headers are cached only when ccache may ignore their time stamps.
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      ${NOPOS_CCACHE})
  add_compile_options(-fpch-preprocess)
endif()

set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/${CMAKE_INSTALL_BINDIR})
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/${CMAKE_INSTALL_LIBDIR})
set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/${CMAKE_INSTALL_LIBDIR})
set(NOPOS_PLUGIN_DIR nopos/plugins)  # below the library folder, of the build and of the installation

file(RELATIVE_PATH NOPOS_BIN_TO_LIB /${CMAKE_INSTALL_BINDIR} /${CMAKE_INSTALL_LIBDIR})

# nopos_own_code(TARGET...): the warnings that our code must compile without.
# Sources that mean JSON are compiled with the precompiled header of core: parsing the header costs more than
# they do.
function(nopos_share_json_header)
  foreach(target IN LISTS ARGN)
    target_link_libraries(${target} PRIVATE nopos_json)
    target_precompile_headers(${target} REUSE_FROM nopos_core)
  endforeach()
endfunction()

function(nopos_own_code)
  foreach(target IN LISTS ARGN)
    target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic)
  endforeach()
endfunction()

file(STRINGS ${CMAKE_CURRENT_LIST_DIR}/../sdk/core/include/nopos/abi.h _line REGEX "^#define NOPOS_ABI_SDK ")
string(REGEX MATCH "[0-9]+" NOPOS_SDK_INTERFACE "${_line}")  # becomes the SONAME of libnopos_core and libnopos_sdk
