# The libraries in the build tree: as cargo makes them, then with what their users count on.

if(PROJECT_VERSION_MAJOR EQUAL 0)
  # A 0.x breaks with its x.
  set(zixflow_interface "0.${PROJECT_VERSION_MINOR}")
else()
  set(zixflow_interface "${PROJECT_VERSION_MAJOR}")
endif()
set(zixflow_libraries "${CMAKE_CURRENT_BINARY_DIR}/lib")
set(zixflow_headers "${CMAKE_CURRENT_SOURCE_DIR}/include")
set(zixflow_symbols "${CMAKE_CURRENT_SOURCE_DIR}/src/ffi/exports.txt")

# What these make: zixflow_shared and zixflow_static; zixflow_needs is what a program that links the
# archive needs besides.
if(WIN32)
  include(cmake/windows.cmake)
else()
  include(cmake/elf.cmake)
endif()

if(ZIXFLOW_INSTALL OR zixflow_is_top_level)
  set(zixflow_in_all ALL)
endif()
add_custom_target(zixflow_build ${zixflow_in_all}
  DEPENDS "${zixflow_shared}" ${zixflow_import_libraries} "${zixflow_static}")

add_library(zixflow::zixflow SHARED IMPORTED GLOBAL)
set_target_properties(zixflow::zixflow PROPERTIES
  IMPORTED_LOCATION "${zixflow_shared}"
  IMPORTED_SONAME "${zixflow_soname}"
  INTERFACE_INCLUDE_DIRECTORIES "${zixflow_headers}")
if(WIN32)
  list(GET zixflow_import_libraries 0 zixflow_implib)
  set_target_properties(zixflow::zixflow PROPERTIES IMPORTED_IMPLIB "${zixflow_implib}")
endif()
add_dependencies(zixflow::zixflow zixflow_build)

add_library(zixflow::static STATIC IMPORTED GLOBAL)
set_target_properties(zixflow::static PROPERTIES
  IMPORTED_LOCATION "${zixflow_static}"
  IMPORTED_LINK_INTERFACE_LANGUAGES C
  INTERFACE_INCLUDE_DIRECTORIES "${zixflow_headers}"
  INTERFACE_LINK_LIBRARIES "${zixflow_needs}")
add_dependencies(zixflow::static zixflow_build)
