# find_package(zixflow): the targets zixflow::zixflow, which is the shared library, and
# zixflow::static; each where that library is installed.

get_filename_component(_zixflow_prefix "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)
set(_zixflow_where PATHS "${_zixflow_prefix}" NO_DEFAULT_PATH
  PATH_SUFFIXES lib lib64 "lib/${CMAKE_LIBRARY_ARCHITECTURE}")
find_library(_zixflow_shared ${_zixflow_where}
  NAMES "${CMAKE_SHARED_LIBRARY_PREFIX}zixflow${CMAKE_SHARED_LIBRARY_SUFFIX}")
find_library(_zixflow_static ${_zixflow_where}
  NAMES "${CMAKE_STATIC_LIBRARY_PREFIX}zixflow${CMAKE_STATIC_LIBRARY_SUFFIX}")

if(_zixflow_shared AND NOT TARGET zixflow::zixflow)
  add_library(zixflow::zixflow SHARED IMPORTED)
  set_target_properties(zixflow::zixflow PROPERTIES
    IMPORTED_LOCATION "${_zixflow_shared}"
    INTERFACE_INCLUDE_DIRECTORIES "${_zixflow_prefix}/include")
endif()

if(_zixflow_static AND NOT TARGET zixflow::static)
  # What the archive needs besides is listed in one place, the pkg-config file.
  get_filename_component(_zixflow_pc "${_zixflow_static}" DIRECTORY)
  file(STRINGS "${_zixflow_pc}/pkgconfig/zixflow.pc" _zixflow_needs REGEX "^Libs\\.private:")
  string(REGEX REPLACE "^Libs\\.private: *" "" _zixflow_needs "${_zixflow_needs}")
  separate_arguments(_zixflow_needs)
  add_library(zixflow::static STATIC IMPORTED)
  set_target_properties(zixflow::static PROPERTIES
    IMPORTED_LOCATION "${_zixflow_static}"
    INTERFACE_INCLUDE_DIRECTORIES "${_zixflow_prefix}/include"
    INTERFACE_LINK_LIBRARIES "${_zixflow_needs}")
endif()

if(NOT _zixflow_shared AND NOT _zixflow_static)
  set(zixflow_FOUND FALSE)
  set(zixflow_NOT_FOUND_MESSAGE "There is no libzixflow under ${_zixflow_prefix}.")
endif()

# The next configuration has to look again.
unset(_zixflow_shared CACHE)
unset(_zixflow_static CACHE)
