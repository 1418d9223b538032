set(NOPOS_CMAKE_DIR ${CMAKE_CURRENT_LIST_DIR})

# nopos_add_plugin(NAME KIND kind [CORE] [SOURCES files] [DATA files] [FOLDER folder])
#   A plugin from the folder of the calling CMakeLists.txt: plugin.json and <NAME>.cpp (or SOURCES), built into
#   <libdir>/nopos/plugins/<kind>/<NAME>.so, or outside this project <build folder>/<kind>/<NAME>.so, with
#   <NAME>.nopos.json beside it. CORE: needs no tensors (NoPos::data, which brings NoPos::core).
#   DATA: files that the plugin reads; they stand in a folder <NAME> beside the library, built and installed.
#   FOLDER: built there instead, and not installed (plugins that only tests use).
function(nopos_add_plugin NAME)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "CORE" "KIND;FOLDER" "SOURCES;DATA")
  if(NOT ARG_SOURCES)
    set(ARG_SOURCES ${NAME}.cpp)
  endif()
  set(target nopos_plugin_${ARG_KIND}_${NAME})
  set(json ${CMAKE_CURRENT_SOURCE_DIR}/plugin.json)
  set(symbols ${NOPOS_CMAKE_DIR}/plugin_symbols.map)
  if(NOT EXISTS ${json})
    message(FATAL_ERROR "nopos_add_plugin(${NAME}): there is no ${json}; it holds at least id, version and summary")
  endif()
  add_library(${target} MODULE ${ARG_SOURCES})
  if(TARGET nopos_core)  # inside this project: laid out like an installation
    set(dir ${CMAKE_LIBRARY_OUTPUT_DIRECTORY}/${NOPOS_PLUGIN_DIR}/${ARG_KIND})
    set(described_by ${PROJECT_SOURCE_DIR}/registry/describe/write_manifest.cpp ${PROJECT_SOURCE_DIR}/sdk/core/src/plugin.cpp)
    nopos_own_code(${target})
    add_dependencies(${target} NoPos::describe)
  else()  # `nopos-host --plugin-path <build folder>` finds it
    include(GNUInstallDirs)
    set(dir ${CMAKE_BINARY_DIR}/${ARG_KIND})
    set(described_by)
  endif()
  if(ARG_FOLDER)
    set(dir ${ARG_FOLDER}/${ARG_KIND})
  endif()
  # The manifest is written after linking; what it is made from is therefore what linking depends on.
  set_target_properties(${target} PROPERTIES
    PREFIX "" OUTPUT_NAME ${NAME} LIBRARY_OUTPUT_DIRECTORY ${dir} DEFINE_SYMBOL ""
    CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON INSTALL_RPATH "$ORIGIN/../../.."
    LINK_DEPENDS "${json};${symbols};${described_by}" LINK_DEPENDS_NO_SHARED ON)
  if(ARG_CORE)
    target_link_libraries(${target} PRIVATE NoPos::data)
    set(tensors)
  else()
    target_link_libraries(${target} PRIVATE NoPos::sdk)
    set(tensors --tensors)
    if(TARGET nopos_sdk)  # inside this project: share its precompiled header
      target_precompile_headers(${target} REUSE_FROM nopos_sdk)
    endif()
  endif()
  target_link_options(${target} PRIVATE -Wl,-z,nodelete -Wl,--build-id -Wl,--version-script=${symbols})
  add_custom_command(TARGET ${target} POST_BUILD
    COMMAND ${CMAKE_COMMAND} -E env --unset=LD_PRELOAD LC_ALL=C OMP_NUM_THREADS=1 ASAN_OPTIONS=detect_leaks=0
            NOPOS_TORCH_ROOT=${LibTorch_ROOT} $<TARGET_FILE:NoPos::describe> ${tensors} $<TARGET_FILE:${target}> ${json}
    VERBATIM)
  foreach(file IN LISTS ARG_DATA)
    get_filename_component(file_name ${file} NAME)
    configure_file(${file} ${dir}/${NAME}/${file_name} COPYONLY)
  endforeach()
  if(ARG_FOLDER)
    return()
  endif()
  set(destination ${CMAKE_INSTALL_LIBDIR}/nopos/plugins/${ARG_KIND})
  install(TARGETS ${target} LIBRARY DESTINATION ${destination})
  install(FILES ${dir}/${NAME}.nopos.json DESTINATION ${destination})
  install(FILES ${ARG_DATA} DESTINATION ${destination}/${NAME})
  if(TARGET programs)
    add_dependencies(programs ${target})
  endif()
endfunction()

# nopos_add_plugin_tests(NAME KIND kind [CORE] [SOURCES files] [LIBRARIES targets])
#   GoogleTest cases beside a plugin; the program is called <kind>_<NAME>_test. The definition NOPOS_PLUGIN_LIBRARY is
#   the plugin's file.
function(nopos_add_plugin_tests NAME)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "CORE" "KIND" "SOURCES;LIBRARIES")
  if(DEFINED BUILD_TESTING AND NOT BUILD_TESTING)
    return()
  endif()
  if(NOT ARG_SOURCES)
    set(ARG_SOURCES ${NAME}_test.cpp)
  endif()
  set(test ${ARG_KIND}_${NAME}_test)
  set(plugin nopos_plugin_${ARG_KIND}_${NAME})
  if(COMMAND nopos_add_test)  # inside this project
    set(tensors TENSORS)
    if(ARG_CORE)
      set(tensors)
    endif()
    nopos_add_test(${test} ${tensors} SOURCES ${ARG_SOURCES} LIBRARIES ${ARG_LIBRARIES})
    target_compile_definitions(${test}_objects PRIVATE NOPOS_PLUGIN_LIBRARY="$<TARGET_FILE:${plugin}>")
  else()
    find_package(GTest REQUIRED)
    enable_testing()
    add_executable(${test} ${ARG_SOURCES})
    target_link_libraries(${test} PRIVATE NoPos::$<IF:$<BOOL:${ARG_CORE}>,data,sdk> ${ARG_LIBRARIES} GTest::gtest_main)
    target_compile_definitions(${test} PRIVATE NOPOS_PLUGIN_LIBRARY="$<TARGET_FILE:${plugin}>")
    add_test(NAME ${test} COMMAND ${test})
  endif()
  add_dependencies(${test} ${plugin})
endfunction()
