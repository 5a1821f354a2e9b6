# RPM's packages, with the names that Fedora gives such. What they need of each other rpm finds out.

set(CPACK_RPM_PACKAGE_ARCHITECTURE "${CMAKE_SYSTEM_PROCESSOR}")
set(CPACK_RPM_PACKAGE_LICENSE MIT)
set(CPACK_RPM_FILE_NAME RPM-DEFAULT)
set(CPACK_RPM_COMPONENT_INSTALL ON)
set(CPACK_RPM_PACKAGE_URL "${PROJECT_HOMEPAGE_URL}")
set(CPACK_RPM_PACKAGE_AUTOREQPROV ON)

set(zixflow_package_runtime libzixflow)
set(zixflow_package_development libzixflow-devel)
set(zixflow_package_tools zixflow-tools)
# As rpm spells an architecture there: x86-64, aarch-64.
string(REGEX REPLACE "_?64$" "-64" zixflow_isa "${CMAKE_SYSTEM_PROCESSOR}")
set(CPACK_RPM_DEVELOPMENT_PACKAGE_REQUIRES
  "${zixflow_package_runtime}(${zixflow_isa}) = ${PROJECT_VERSION}")
# Other packages' directories, and links that no debugger follows.
foreach(directory IN ITEMS lib64/cmake lib64/pkgconfig share/doc share/man share/man/man1)
  list(APPEND CPACK_RPM_EXCLUDE_FROM_AUTO_FILELIST_ADDITION "/usr/${directory}")
endforeach()
set(CPACK_RPM_SPEC_MORE_DEFINE "%define _build_id_links none")
foreach(component IN LISTS CPACK_COMPONENTS_ALL)
  string(TOUPPER ${component} upper)
  set(CPACK_RPM_${upper}_PACKAGE_NAME "${zixflow_package_${component}}")
  set(CPACK_RPM_${upper}_PACKAGE_SUMMARY "${PROJECT_DESCRIPTION}")
  set(CPACK_RPM_${upper}_PACKAGE_DESCRIPTION "${zixflow_about_${component}}")
endforeach()
