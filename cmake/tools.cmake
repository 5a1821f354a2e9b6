# The programs of the packages: zixflow-send, which is the example in C, and zixflow-sandbox.

add_executable(zixflow-send examples/c/send_reply_buttons.c)
target_compile_features(zixflow-send PRIVATE c_std_99)
if(NOT WIN32)
  target_compile_options(zixflow-send PRIVATE -fPIE)
  target_link_options(zixflow-send PRIVATE -pie)
endif()
target_link_libraries(zixflow-send PRIVATE zixflow::zixflow)
# The library lies where the system looks for it, or beside the program.
if(NOT CMAKE_INSTALL_PREFIX STREQUAL "/usr")
  file(RELATIVE_PATH zixflow_rpath "/${CMAKE_INSTALL_BINDIR}" "/${CMAKE_INSTALL_LIBDIR}")
  set_target_properties(zixflow-send PROPERTIES INSTALL_RPATH "$ORIGIN/${zixflow_rpath}")
endif()

set(zixflow_sandbox "${zixflow_cargo_output}/tools/zixflow-sandbox${CMAKE_EXECUTABLE_SUFFIX}")
add_custom_target(zixflow_sandbox ALL
  COMMAND ${zixflow_cargo} "${ZIXFLOW_CARGO}" build
    ${zixflow_cargo_options} --profile tools --package zixflow-sandbox
  BYPRODUCTS "${zixflow_sandbox}"
  COMMENT "Building zixflow-sandbox with cargo"
  USES_TERMINAL VERBATIM)
# Each would wait for the other's lock on the target directory.
add_dependencies(zixflow_sandbox zixflow_cargo)

if(ZIXFLOW_INSTALL)
  install(TARGETS zixflow-send RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}" COMPONENT tools)
  install(PROGRAMS "${zixflow_sandbox}" DESTINATION "${CMAKE_INSTALL_BINDIR}" COMPONENT tools)
endif()
