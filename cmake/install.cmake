# What is put under a prefix. All of it finds the rest by its own place, so that the tree can be
# moved: the components are `runtime`, `development` and `tools`.

# Nix, for one, gives absolute directories.
foreach(directory IN ITEMS LIBDIR INCLUDEDIR BINDIR DATADIR MANDIR)
  set(absolute "${CMAKE_INSTALL_${directory}}")
  if(IS_ABSOLUTE "${absolute}")
    file(RELATIVE_PATH relative "${CMAKE_INSTALL_PREFIX}" "${absolute}")
    if(relative MATCHES "^\\.\\.(/|$)")
      message(FATAL_ERROR
        "CMAKE_INSTALL_${directory} is ${absolute}, which is not in ${CMAKE_INSTALL_PREFIX}, the "
        "prefix. Name a directory in the prefix, best relative to it, such as lib.")
    endif()
    set(CMAKE_INSTALL_${directory} "${relative}")
  endif()
endforeach()

include(CMakePackageConfigHelpers)

if(WIN32)
  set(zixflow_shared_dir "${CMAKE_INSTALL_BINDIR}")
  set(zixflow_linked ${zixflow_import_libraries})
else()
  set(zixflow_shared_dir "${CMAKE_INSTALL_LIBDIR}")
  set(zixflow_loaded "${zixflow_libraries}/${zixflow_soname}")
  set(zixflow_linked "${zixflow_libraries}/libzixflow.so")
endif()
install(FILES "${zixflow_shared}" ${zixflow_loaded}
  DESTINATION "${zixflow_shared_dir}" COMPONENT runtime)
install(FILES ${zixflow_linked} "${zixflow_static}"
  DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT development)
install(FILES "${zixflow_headers}/zixflow.h" "${zixflow_headers}/zixflow.hpp"
  DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" COMPONENT development)

set(zixflow_pc_dir "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
file(RELATIVE_PATH zixflow_pc_prefix "/${zixflow_pc_dir}" "/")
string(REGEX REPLACE "/$" "" zixflow_pc_prefix "${zixflow_pc_prefix}")
list(TRANSFORM zixflow_needs PREPEND -l OUTPUT_VARIABLE zixflow_pc_needs)
list(JOIN zixflow_pc_needs " " zixflow_pc_needs)
foreach(linkage IN ITEMS zixflow zixflow-static)
  configure_file("cmake/${linkage}.pc.in" "${linkage}.pc" @ONLY)
  install(FILES "${CMAKE_CURRENT_BINARY_DIR}/${linkage}.pc"
    DESTINATION "${zixflow_pc_dir}" COMPONENT development)
endforeach()

get_filename_component(zixflow_shared_name "${zixflow_shared}" NAME)
set(zixflow_cmake_dir "${CMAKE_INSTALL_LIBDIR}/cmake/zixflow")
configure_package_config_file(cmake/zixflowConfig.cmake.in zixflowConfig.cmake
  INSTALL_DESTINATION "${zixflow_cmake_dir}"
  PATH_VARS CMAKE_INSTALL_LIBDIR CMAKE_INSTALL_INCLUDEDIR zixflow_shared_dir)
# Semantic versioning: 1.x stands in for any earlier 1.x, and 0.1.x for any earlier 0.1.x.
if(PROJECT_VERSION_MAJOR EQUAL 0)
  set(zixflow_compatibility SameMinorVersion)
else()
  set(zixflow_compatibility SameMajorVersion)
endif()
write_basic_package_version_file(zixflowConfigVersion.cmake
  COMPATIBILITY ${zixflow_compatibility})
install(FILES
  "${CMAKE_CURRENT_BINARY_DIR}/zixflowConfig.cmake"
  "${CMAKE_CURRENT_BINARY_DIR}/zixflowConfigVersion.cmake"
  DESTINATION "${zixflow_cmake_dir}" COMPONENT development)
