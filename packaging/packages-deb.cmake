# Debian's packages: the library, what is needed to compile with it, and the tools.

if(CMAKE_SYSTEM_PROCESSOR STREQUAL "aarch64")
  set(CPACK_DEBIAN_PACKAGE_ARCHITECTURE arm64)
else()
  set(CPACK_DEBIAN_PACKAGE_ARCHITECTURE amd64)
endif()
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(zixflow_debian_version "${PROJECT_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE}")

set(zixflow_package_runtime "libzixflow${zixflow_interface}")
set(zixflow_package_development libzixflow-dev)
set(zixflow_package_tools zixflow-tools)

# Not dpkg-shlibdeps, which asks for the libraries of the machine that builds.
set(zixflow_debian_libc "libc6 (>= ${ZIXFLOW_OLDEST_GLIBC})")
set(zixflow_debian_runtime "${zixflow_package_runtime} (= ${zixflow_debian_version})")
set(CPACK_DEBIAN_RUNTIME_PACKAGE_DEPENDS "${zixflow_debian_libc}")
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS "${zixflow_debian_runtime}")
set(CPACK_DEBIAN_TOOLS_PACKAGE_DEPENDS "${zixflow_debian_runtime}, ${zixflow_debian_libc}")
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_TOOLS_PACKAGE_SECTION utils)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_MULTIARCH same)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_MULTIARCH same)

set(zixflow_debian "${CMAKE_CURRENT_BINARY_DIR}/debian")
file(WRITE "${zixflow_debian}/shlibs"
  "libzixflow ${zixflow_interface} ${zixflow_package_runtime} (>= ${PROJECT_VERSION})\n")
file(WRITE "${zixflow_debian}/triggers" "activate-noawait ldconfig\n")
set(CPACK_DEBIAN_RUNTIME_PACKAGE_CONTROL_EXTRA
  "${zixflow_debian}/shlibs;${zixflow_debian}/triggers")

# The documents that Debian wants, compressed as Debian wants them.
function(zixflow_compress file name)
  execute_process(COMMAND gzip -9nc "${file}" OUTPUT_FILE "${zixflow_debian}/${name}.gz"
    COMMAND_ERROR_IS_FATAL ANY)
endfunction()

string(TIMESTAMP zixflow_debian_date "%a, %d %b %Y %H:%M:%S +0000" UTC)
foreach(component IN LISTS CPACK_COMPONENTS_ALL)
  string(TOUPPER ${component} upper)
  set(package "${zixflow_package_${component}}")
  set(CPACK_DEBIAN_${upper}_PACKAGE_NAME "${package}")
  set(CPACK_DEBIAN_${upper}_DESCRIPTION "${zixflow_about_${component}}")
  configure_file(packaging/debian/copyright.in "debian/${package}/copyright" @ONLY)
  configure_file(packaging/debian/changelog.in "debian/${package}/changelog.Debian" @ONLY)
  zixflow_compress("${zixflow_debian}/${package}/changelog.Debian" "${package}/changelog.Debian")
  zixflow_compress("${CMAKE_CURRENT_SOURCE_DIR}/CHANGELOG.md" "${package}/changelog")
  install(FILES
    "${zixflow_debian}/${package}/copyright"
    "${zixflow_debian}/${package}/changelog.Debian.gz"
    "${zixflow_debian}/${package}/changelog.gz"
    DESTINATION "${CMAKE_INSTALL_DATADIR}/doc/${package}" COMPONENT ${component})
endforeach()

set(zixflow_manuals)
foreach(manual IN ITEMS zixflow-send.1 zixflow-sandbox.1)
  zixflow_compress("${CMAKE_CURRENT_SOURCE_DIR}/packaging/man/${manual}" "${manual}")
  list(APPEND zixflow_manuals "${zixflow_debian}/${manual}.gz")
endforeach()
