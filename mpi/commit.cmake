# cmake -DSOURCE=... -DOUT=commit.h -P commit.cmake: the commit that is built, "unknown" where that cannot be had; OUT is written
# where that has changed. Run at every build.
find_package(Git QUIET)
set(commit unknown)
if(GIT_FOUND)
  execute_process(COMMAND ${GIT_EXECUTABLE} -C ${SOURCE} describe --always --dirty --abbrev=12
    OUTPUT_VARIABLE described ERROR_QUIET RESULT_VARIABLE failed OUTPUT_STRIP_TRAILING_WHITESPACE)
  if(NOT failed)
    set(commit ${described})
  endif()
endif()
file(CONFIGURE OUTPUT ${OUT} CONTENT "#define ESP_COMMIT \"${commit}\"\n")
