# `cmake --install`: programs, libraries, plugins (nopos_add_plugin() installs its own) and the CMake package NoPosSDK.
# Everything finds its neighbours by $ORIGIN, so an installation may be moved.
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/NoPosSDK)
set(nopos_programs nopos-host nopos_engine nopos_png)
foreach(target IN LISTS nopos_programs)
  if(TARGET ${target})
    install(TARGETS ${target} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
  endif()
endforeach()
install(TARGETS nopos_core nopos_data nopos_sdk nopos_describe EXPORT NoPosSDKTargets
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
  RUNTIME DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/nopos)
install(DIRECTORY sdk/core/include/nopos sdk/data/include/nopos sdk/nn/include/nopos DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT NoPosSDKTargets NAMESPACE NoPos:: DESTINATION ${package_dir})
install(FILES cmake/FindLibTorch.cmake cmake/NoPosPlugin.cmake cmake/plugin_symbols.map DESTINATION ${package_dir})

configure_package_config_file(cmake/NoPosSDKConfig.cmake.in ${CMAKE_BINARY_DIR}/NoPosSDKConfig.cmake
  INSTALL_DESTINATION ${package_dir} PATH_VARS CMAKE_INSTALL_LIBDIR)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/NoPosSDKConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/NoPosSDKConfig.cmake ${CMAKE_BINARY_DIR}/NoPosSDKConfigVersion.cmake
  DESTINATION ${package_dir})

# For readers: license, changes, documentation, and the recipes of configs/ (their texts and settings).
install(FILES LICENSE README.md CHANGELOG.md CITATION.cff CONTRIBUTING.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR}/docs FILES_MATCHING PATTERN "*.md")
install(DIRECTORY configs DESTINATION ${CMAKE_INSTALL_DATADIR}/nopos)

# Manual pages and completion, which the program makes of the options that it declares.
if(TARGET nopos-host AND NOT CMAKE_CROSSCOMPILING)
  set(pages ${CMAKE_BINARY_DIR}/${CMAKE_INSTALL_MANDIR}/man1)
  set(shells ${CMAKE_BINARY_DIR}/completion)
  set(own_options ${CMAKE_COMMAND} -E env --unset=NOPOS_PLUGIN_PATH --unset=NOPOS_PLUGIN_PATH_ONLY --unset=LOGLEVEL
      LC_ALL=C COLUMNS=100 ASAN_OPTIONS=detect_leaks=0 $<TARGET_FILE:nopos-host>)
  add_custom_command(OUTPUT ${pages}/nopos-host.1 ${shells}/nopos-host ${shells}/_nopos-host ${shells}/nopos-host.fish
    COMMAND ${own_options} man --output ${pages}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${shells}
    COMMAND ${own_options} completion bash > ${shells}/nopos-host
    COMMAND ${own_options} completion zsh > ${shells}/_nopos-host
    COMMAND ${own_options} completion fish > ${shells}/nopos-host.fish
    DEPENDS nopos-host VERBATIM)
  add_custom_target(manual ALL DEPENDS ${pages}/nopos-host.1)
  add_dependencies(manual programs)
  install(DIRECTORY ${pages} DESTINATION ${CMAKE_INSTALL_MANDIR} OPTIONAL)
  install(FILES ${shells}/nopos-host DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions OPTIONAL)
  install(FILES ${shells}/nopos-host.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d OPTIONAL)
  install(FILES ${shells}/_nopos-host DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions OPTIONAL)
endif()
include(NoPosPackage)
