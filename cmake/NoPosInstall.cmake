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
install(TARGETS nopos_core nopos_sdk nopos_describe EXPORT NoPosSDKTargets
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
  RUNTIME DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/nopos)
install(DIRECTORY sdk/core/include/nopos sdk/include/nopos DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT NoPosSDKTargets NAMESPACE NoPos:: DESTINATION ${package_dir})
install(FILES cmake/FindLibTorch.cmake cmake/NoPosPlugin.cmake cmake/plugin_symbols.map DESTINATION ${package_dir})

configure_package_config_file(cmake/NoPosSDKConfig.cmake.in ${CMAKE_BINARY_DIR}/NoPosSDKConfig.cmake
  INSTALL_DESTINATION ${package_dir} PATH_VARS CMAKE_INSTALL_LIBDIR)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/NoPosSDKConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/NoPosSDKConfig.cmake ${CMAKE_BINARY_DIR}/NoPosSDKConfigVersion.cmake
  DESTINATION ${package_dir})
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
