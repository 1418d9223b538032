# LibTorch as imported targets, without the CUDA toolkit that a CUDA wheel's own CMake package insists on.
#
# Looked for in NOPOS_TORCH_ROOT (a folder with lib/ and include/; variable or environment), then in the folders of
# NOPOS_TORCH_HINTS, or without these in .deps/torch and in the torch package of the python3 on the PATH.
#
#   LibTorch::LibTorch   c10 + torch_cpu, the headers as SYSTEM, OpenMP switched on (at::parallel_for is serial without)
#   LibTorch_VERSION     for example 2.11.0
#   LibTorch_ROOT        the folder taken

set(NOPOS_TORCH_MIN 2.11)
set(NOPOS_TORCH_END 2.16)

# The version in ROOT's headers, empty where ROOT holds no LibTorch.
function(_nopos_torch_version ROOT RESULT)
  set(${RESULT} "" PARENT_SCOPE)
  if(NOT EXISTS "${ROOT}/lib/libtorch_cpu.so" OR NOT EXISTS "${ROOT}/include/ATen/ATen.h")
    return()
  endif()
  foreach(file torch/headeronly/version.h torch/csrc/api/include/torch/version.h)
    if(EXISTS "${ROOT}/include/${file}")
      file(STRINGS "${ROOT}/include/${file}" lines REGEX "#define TORCH_VERSION_(MAJOR|MINOR|PATCH) [0-9]+")
      foreach(line IN LISTS lines)
        string(REGEX MATCH "TORCH_VERSION_(MAJOR|MINOR|PATCH) ([0-9]+)" _ "${line}")
        set(${CMAKE_MATCH_1} ${CMAKE_MATCH_2})
      endforeach()
    endif()
  endforeach()
  set(${RESULT} "${MAJOR}.${MINOR}.${PATCH}" PARENT_SCOPE)
endfunction()

set(_named "${NOPOS_TORCH_ROOT}")  # by the user: then it is this one or none
if(NOT _named)
  set(_named "$ENV{NOPOS_TORCH_ROOT}")
endif()
if(_named)
  set(_candidates "${_named}")
elseif(NOPOS_TORCH_HINTS)  # set by the installed package NoPosSDK
  set(_candidates ${NOPOS_TORCH_HINTS})
else()
  set(_candidates "${PROJECT_SOURCE_DIR}/.deps/torch")
  execute_process(
    COMMAND python3 -c "import importlib.util as u; s = u.find_spec('torch'); print(s.submodule_search_locations[0] if s else '')"
    OUTPUT_VARIABLE _python_torch OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  if(_python_torch)
    list(APPEND _candidates "${_python_torch}")
  endif()
endif()

set(LibTorch_ROOT LibTorch_ROOT-NOTFOUND)
set(_looked "")
foreach(_root IN LISTS _candidates)
  _nopos_torch_version("${_root}" LibTorch_VERSION)
  if(NOT LibTorch_VERSION)
    string(APPEND _looked "\n  ${_root}: no LibTorch (lib/libtorch_cpu.so, include/ATen/ATen.h)")
  elseif(LibTorch_VERSION VERSION_LESS NOPOS_TORCH_MIN OR LibTorch_VERSION VERSION_GREATER_EQUAL NOPOS_TORCH_END)
    string(APPEND _looked "\n  ${_root}: LibTorch ${LibTorch_VERSION}, but NoPos accepts 2.11 to 2.15")
  else()
    get_filename_component(LibTorch_ROOT "${_root}" REALPATH)
    break()
  endif()
endforeach()

if(NOT LibTorch_ROOT)
  unset(LibTorch_VERSION)
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(LibTorch
  REQUIRED_VARS LibTorch_ROOT VERSION_VAR LibTorch_VERSION
  REASON_FAILURE_MESSAGE "Looked in:${_looked}\nRun tools/setup, which fetches 2.11.0 into .deps/, or set NOPOS_TORCH_ROOT to a LibTorch from 2.11 to 2.15.")

if(LibTorch_FOUND AND NOT TARGET LibTorch::LibTorch)
  foreach(_lib c10 torch_cpu)
    add_library(LibTorch::${_lib} SHARED IMPORTED)
    set_target_properties(LibTorch::${_lib} PROPERTIES IMPORTED_LOCATION "${LibTorch_ROOT}/lib/lib${_lib}.so")
  endforeach()
  add_library(LibTorch::LibTorch INTERFACE IMPORTED)
  target_include_directories(LibTorch::LibTorch SYSTEM INTERFACE
    "${LibTorch_ROOT}/include" "${LibTorch_ROOT}/include/torch/csrc/api/include")
  target_compile_options(LibTorch::LibTorch INTERFACE -fopenmp)
  target_compile_definitions(LibTorch::LibTorch INTERFACE NOPOS_TORCH_VERSION="${LibTorch_VERSION}")
  target_link_libraries(LibTorch::LibTorch INTERFACE LibTorch::torch_cpu LibTorch::c10)
  # libtorch_cpu.so of a CUDA wheel names CUDA libraries that a machine without a GPU need not have.
  target_link_options(LibTorch::LibTorch INTERFACE -Wl,--allow-shlib-undefined)
endif()
