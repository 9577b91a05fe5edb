# Data files as byte arrays. Included by a CMakeLists.txt it gives
#
#   kvplan_embed(target pattern...)   # patterns are relative to the source tree
#
# which compiles one array a file and their table into the target. Run as a
# script (cmake -DINPUT=f -DOUTPUT=f.cpp -DSYMBOL=s -P embedded.cmake), it
# writes one array; the build does so whenever the file changes.
if(CMAKE_SCRIPT_MODE_FILE)
  file(READ ${INPUT} bytes HEX)
  string(REGEX REPLACE "(................................)" "\\1\n" bytes "${bytes}")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
  # The last byte ends the array; it also keeps an empty file a valid one.
  file(WRITE ${OUTPUT} "extern const unsigned char ${SYMBOL}[];\n"
                       "extern const unsigned long ${SYMBOL}_size;\n"
                       "const unsigned char ${SYMBOL}[] = {\n${bytes}0};\n"
                       "const unsigned long ${SYMBOL}_size = sizeof(${SYMBOL}) - 1;\n")
  return()
endif()

set(KVPLAN_EMBED_SCRIPT ${CMAKE_CURRENT_LIST_FILE})

function(kvplan_embed target)
  list(TRANSFORM ARGN PREPEND ${PROJECT_SOURCE_DIR}/)
  file(GLOB files RELATIVE ${PROJECT_SOURCE_DIR} CONFIGURE_DEPENDS ${ARGN})
  list(SORT files)
  set(folder ${CMAKE_CURRENT_BINARY_DIR}/embedded)
  set(declarations "")
  set(rows "")
  foreach(file IN LISTS files)
    string(MAKE_C_IDENTIFIER "embedded_${file}" symbol)
    add_custom_command(
      OUTPUT ${folder}/${symbol}.cpp
      COMMAND ${CMAKE_COMMAND} -DINPUT=${PROJECT_SOURCE_DIR}/${file} -DOUTPUT=${folder}/${symbol}.cpp
              -DSYMBOL=${symbol} -P ${KVPLAN_EMBED_SCRIPT}
      DEPENDS ${PROJECT_SOURCE_DIR}/${file} ${KVPLAN_EMBED_SCRIPT}
      COMMENT "Embedding ${file}" VERBATIM)
    target_sources(${target} PRIVATE ${folder}/${symbol}.cpp)
    string(APPEND declarations "extern const unsigned char ${symbol}[];\nextern const unsigned long ${symbol}_size;\n")
    string(APPEND rows "      {\"${file}\", ${symbol}, ${symbol}_size},\n")
  endforeach()
  file(CONFIGURE OUTPUT ${folder}/table.cpp @ONLY CONTENT
"#include \"base/embedded_table.hpp\"

@declarations@
std::span<const kvplan::EmbeddedFile> kvplan::embedded_table() {
  static const EmbeddedFile table[] = {
@rows@  };
  return table;
}
")
  target_sources(${target} PRIVATE ${folder}/table.cpp)
endfunction()
