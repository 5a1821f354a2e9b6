# What cpack makes of an installed tree: `cpack -G DEB`, `RPM`, `TGZ` or `ZIP` after ZIXFLOW_PACKAGE was
# set to the same, which says where things go. packaging/build does so for every target.

set(ZIXFLOW_PACKAGE "" CACHE STRING "What cpack is to make: DEB, RPM, TGZ or ZIP")
set(ZIXFLOW_MAINTAINER "The zixflow authors <noreply@zixflow.com>" CACHE STRING
  "Who stands behind the packages")
set(ZIXFLOW_OLDEST_GLIBC "2.28" CACHE STRING "The glibc that the libraries need at least")
set(ZIXFLOW_DOCUMENTS "" CACHE PATH
  "A directory with `library` and `tools`: what is linked in, and by which terms")
if(NOT ZIXFLOW_PACKAGE)
  return()
endif()

set(CPACK_PACKAGE_NAME zixflow)
set(CPACK_PACKAGE_VENDOR "The zixflow authors")
set(CPACK_PACKAGE_CONTACT "${ZIXFLOW_MAINTAINER}")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_PACKAGE_HOMEPAGE_URL "${PROJECT_HOMEPAGE_URL}")
set(CPACK_RESOURCE_FILE_LICENSE "${CMAKE_CURRENT_SOURCE_DIR}/LICENSE")
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL runtime development tools)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
  OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)

set(zixflow_about_runtime
"Every call reports whether the message was queued, not queued, or possibly
queued, and retries only where a retry cannot deliver twice.")
set(zixflow_about_development
"The headers for C and C++, the static library, what pkg-config and CMake are
told, and examples.")
set(zixflow_about_tools
"zixflow-send sends a message. zixflow-sandbox plays the endpoint on this
machine, with recipients that misbehave, so that a program can be tried on it.")

set(zixflow_manuals packaging/man/zixflow-send.1 packaging/man/zixflow-sandbox.1)
if(ZIXFLOW_PACKAGE STREQUAL "DEB")
  include(packaging/packages-deb.cmake)
elseif(ZIXFLOW_PACKAGE STREQUAL "RPM")
  include(packaging/packages-rpm.cmake)
elseif(ZIXFLOW_PACKAGE MATCHES "^(TGZ|ZIP)$")
  if(WIN32)
    set(zixflow_target windows-x86_64)
  else()
    string(REGEX REPLACE "-unknown|\\..*" "" zixflow_target "${ZIXFLOW_TARGET}")
  endif()
  set(CPACK_PACKAGE_FILE_NAME "zixflow-${PROJECT_VERSION}-${zixflow_target}")
  set(zixflow_package_runtime zixflow)
  set(zixflow_package_development zixflow)
  set(zixflow_package_tools zixflow)
else()
  message(FATAL_ERROR "ZIXFLOW_PACKAGE is DEB, RPM, TGZ or ZIP.")
endif()

foreach(component IN LISTS CPACK_COMPONENTS_ALL)
  set(zixflow_doc_${component} "${CMAKE_INSTALL_DATADIR}/doc/${zixflow_package_${component}}")
  if(component STREQUAL "tools")
    set(zixflow_documents "${ZIXFLOW_DOCUMENTS}/tools/")
  else()
    set(zixflow_documents "${ZIXFLOW_DOCUMENTS}/library/")
  endif()
  if(ZIXFLOW_DOCUMENTS)
    install(DIRECTORY "${zixflow_documents}" DESTINATION "${zixflow_doc_${component}}"
      COMPONENT ${component})
  endif()
  if(NOT ZIXFLOW_PACKAGE STREQUAL "DEB")
    install(FILES LICENSE CHANGELOG.md DESTINATION "${zixflow_doc_${component}}"
      COMPONENT ${component})
  endif()
endforeach()
install(DIRECTORY examples/c examples/cpp examples/cmake examples/go
  DESTINATION "${zixflow_doc_development}/examples" COMPONENT development)
# Where Debian and Fedora have Go's sources, for the documents are left out in small systems. The
# examples find it beside them, as in the source.
set(zixflow_gocode "${CMAKE_INSTALL_DATADIR}/gocode/src/zixflow.example/go")
install(DIRECTORY go/ DESTINATION "${zixflow_gocode}" COMPONENT development)
# Windows has neither links for everybody nor manual pages.
if(NOT WIN32)
  file(RELATIVE_PATH zixflow_go_link "/${zixflow_doc_development}" "/${zixflow_gocode}")
  file(MAKE_DIRECTORY "${CMAKE_CURRENT_BINARY_DIR}/linked")
  file(CREATE_LINK "${zixflow_go_link}" "${CMAKE_CURRENT_BINARY_DIR}/linked/go" SYMBOLIC)
  install(FILES "${CMAKE_CURRENT_BINARY_DIR}/linked/go" DESTINATION "${zixflow_doc_development}"
    COMPONENT development)
  install(FILES ${zixflow_manuals} DESTINATION "${CMAKE_INSTALL_MANDIR}/man1" COMPONENT tools)
endif()

include(CPack)
