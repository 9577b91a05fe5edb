# Data files in the program, read in by the assembler, so that even large ones cost no compile time.
#
#   kvplan_embed_file(target symbol file)   # const unsigned char symbol[]; const unsigned long symbol_size;
#   kvplan_embed(target pattern...)         # each file that fits (relative to the source tree), and their table
function(kvplan_embed_file target symbol file)
  set(source ${CMAKE_CURRENT_BINARY_DIR}/embedded/${symbol}.s)
  # A zero ends the bytes; the size leaves it out.
  file(CONFIGURE OUTPUT ${source} @ONLY CONTENT
"    .section .rodata
    .balign 16
    .globl @symbol@
@symbol@:
    .incbin \"@file@\"
.Lend:
    .byte 0
    .balign 8
    .globl @symbol@_size
@symbol@_size:
    .quad .Lend - @symbol@
    .section .note.GNU-stack,\"\",%progbits
")
  set_source_files_properties(${source} PROPERTIES OBJECT_DEPENDS ${file})
  target_sources(${target} PRIVATE ${source})
endfunction()

function(kvplan_embed target)
  list(TRANSFORM ARGN PREPEND ${PROJECT_SOURCE_DIR}/)
  file(GLOB files RELATIVE ${PROJECT_SOURCE_DIR} CONFIGURE_DEPENDS ${ARGN})
  list(SORT files)
  set(declarations "")
  set(rows "")
  foreach(file IN LISTS files)
    string(MAKE_C_IDENTIFIER "embedded_${file}" symbol)
    kvplan_embed_file(${target} ${symbol} ${PROJECT_SOURCE_DIR}/${file})
    string(APPEND declarations "extern \"C\" const unsigned char ${symbol}[];\n"
                               "extern \"C\" const unsigned long ${symbol}_size;\n")
    string(APPEND rows "      {\"${file}\", ${symbol}, ${symbol}_size},\n")
  endforeach()
  set(table ${CMAKE_CURRENT_BINARY_DIR}/embedded/table.cpp)
  file(CONFIGURE OUTPUT ${table} @ONLY CONTENT
"#include \"base/embedded_table.hpp\"

@declarations@
std::span<const kvplan::EmbeddedFile> kvplan::embedded_table() {
  static const EmbeddedFile table[] = {
@rows@  };
  return table;
}
")
  target_sources(${target} PRIVATE ${table})
  set_source_files_properties(${table} PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
endfunction()
