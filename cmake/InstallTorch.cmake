# Part of an installation: copies from `torch_root` to <prefix>/`torch_destination` what a program needs that computes:
# the libraries, the file that tells the version, and the licenses. Headers stay behind.
get_filename_component(site "${torch_root}" DIRECTORY)
set(destination "${CMAKE_INSTALL_PREFIX}/${torch_destination}")  # file(INSTALL) puts DESTDIR before it

file(GET_RUNTIME_DEPENDENCIES LIBRARIES "${torch_root}/lib/libtorch_cpu.so"
  RESOLVED_DEPENDENCIES_VAR needed UNRESOLVED_DEPENDENCIES_VAR missing
  PRE_EXCLUDE_REGEXES "^lib(c|m|dl|rt|pthread|gcc_s|stdc\\+\\+)\\.so" "^ld-linux")
if(missing)
  message(FATAL_ERROR "LibTorch in ${torch_root} needs ${missing}, which are not found")
endif()
set(libraries "${torch_root}/lib/libtorch_cpu.so")
foreach(library IN LISTS needed)
  file(REAL_PATH "${library}" real)
  string(FIND "${real}" "${site}/" at)
  if(at EQUAL 0)
    list(APPEND libraries "${library}")
  endif()
endforeach()
file(INSTALL ${libraries} DESTINATION "${destination}/lib" TYPE SHARED_LIBRARY FOLLOW_SYMLINK_CHAIN)

foreach(name version.py build-version)
  if(EXISTS "${torch_root}/${name}")
    file(INSTALL "${torch_root}/${name}" DESTINATION "${destination}")
  endif()
endforeach()
file(GLOB_RECURSE licenses "${site}/torch-*.dist-info/*LICENSE*" "${site}/torch-*.dist-info/NOTICE*"
  "${site}/nvidia_cu*.dist-info/*License*" "${torch_root}/LICENSE" "${torch_root}/NOTICE")
foreach(license IN LISTS licenses)
  file(RELATIVE_PATH name "${site}" "${license}")
  get_filename_component(folder "${name}" DIRECTORY)
  file(INSTALL "${license}" DESTINATION "${destination}/licenses/${folder}")
endforeach()
