# nopos_add_test(NAME [TENSORS] SOURCES file... [LIBRARIES target...] [LABELS label...] [TIMEOUT seconds])
#   One GoogleTest program and one ctest entry. TENSORS: links NoPos::sdk and uses the precompiled header.
#   Tests find the built program and the repository through the definitions NOPOS_BUILD_DIR and NOPOS_SOURCE_DIR.
#   The label `shared` marks tests that need the folder of reference data beside the checkout; they skip without it.
#   Threads that wait for each other sleep: where tests share the cores, spinning makes training up to 8 times slower.
#   (No SKIP_REGULAR_EXPRESSION: ctest would call a program skipped that skips one case and fails another.)
function(nopos_add_test NAME)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "TENSORS" "TIMEOUT" "SOURCES;LIBRARIES;LABELS")
  # An object library is compiled with -fPIC like the libraries, so that it can share their precompiled header.
  add_library(${NAME}_objects OBJECT ${ARG_SOURCES})
  nopos_own_code(${NAME}_objects)
  # half of all sources are tests, which -O3 takes half as long again to compile as -O1
  target_compile_options(${NAME}_objects PRIVATE $<$<CONFIG:Release>:-O1>)
  target_compile_definitions(${NAME}_objects PRIVATE
    NOPOS_BUILD_DIR="${PROJECT_BINARY_DIR}" NOPOS_SOURCE_DIR="${PROJECT_SOURCE_DIR}"
    NOPOS_PLUGIN_FOLDER="${CMAKE_LIBRARY_OUTPUT_DIRECTORY}/${NOPOS_PLUGIN_DIR}")
  target_link_libraries(${NAME}_objects PUBLIC nopos_test_support ${ARG_LIBRARIES} GTest::gtest)
  add_executable(${NAME})
  target_link_libraries(${NAME} PRIVATE ${NAME}_objects GTest::gtest_main)
  set_target_properties(${NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
  if(ARG_TENSORS)
    target_link_libraries(${NAME}_objects PUBLIC nopos_sdk_internal)
    target_precompile_headers(${NAME}_objects REUSE_FROM nopos_sdk)
  else()
    target_link_libraries(${NAME}_objects PUBLIC nopos_data_internal)
    target_precompile_headers(${NAME}_objects REUSE_FROM nopos_test_support)
  endif()
  add_test(NAME ${NAME} COMMAND ${NAME})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
  endif()
  set_tests_properties(${NAME} PROPERTIES TIMEOUT ${ARG_TIMEOUT} LABELS "${ARG_LABELS}"
    ENVIRONMENT OMP_WAIT_POLICY=passive)
endfunction()
