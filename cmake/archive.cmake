# Makes the static library fit for a program that has other Rust in it.
#
# An archive as rustc writes it offers Rust's own library to the linker beside ours. Two such
# archives in one program define the same symbols and do not link, or end up sharing what must not
# be shared. So its members are linked into one object here, of which only our functions can be seen.

function(run)
  execute_process(COMMAND ${ARGV} RESULT_VARIABLE result ERROR_VARIABLE errors)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "${ARGV}: ${result}\n${errors}")
  endif()
endfunction()

file(STRINGS "${SYMBOLS}" symbols)
list(TRANSFORM symbols PREPEND --undefined=)
set(linked "${OUTPUT}.linked.o")
set(object "${OUTPUT}.zixflow.o")
get_filename_component(directory "${OUTPUT}" DIRECTORY)
file(MAKE_DIRECTORY "${directory}")

# COMDAT groups would make a linker replace a part of ours by another archive's.
run("${LD}" -r --gc-sections --force-group-allocation ${symbols} ${INPUT} -o "${linked}")
# Bitcode makes some tools look for symbols there alone.
run("${OBJCOPY}" --strip-debug --remove-section=.llvmbc --remove-section=.llvmcmd
  "--remove-section=.gnu.lto_*" "--remove-section=.gnu.debuglto_*"
  "--keep-global-symbols=${SYMBOLS}" "${linked}" "${object}")
file(REMOVE "${OUTPUT}")
run("${AR}" crsD "${OUTPUT}" "${object}")
file(REMOVE "${linked}" "${object}")
