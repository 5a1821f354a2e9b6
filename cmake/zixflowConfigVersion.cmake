set(PACKAGE_VERSION "0.1.0")

# Semantic versioning: 1.x stands in for any earlier 1.x, and 0.1.x for any earlier 0.1.x.
string(REGEX MATCH "^(0\\.)?[0-9]+" _zixflow_installed "${PACKAGE_VERSION}")
string(REGEX MATCH "^(0\\.)?[0-9]+" _zixflow_wanted "${PACKAGE_FIND_VERSION}")
if(_zixflow_wanted STREQUAL _zixflow_installed
   AND NOT PACKAGE_FIND_VERSION VERSION_GREATER PACKAGE_VERSION)
  set(PACKAGE_VERSION_COMPATIBLE TRUE)
endif()
if(PACKAGE_FIND_VERSION VERSION_EQUAL PACKAGE_VERSION)
  set(PACKAGE_VERSION_EXACT TRUE)
endif()
