# Turns text files into a C string, so that the program carries them along:
#
#   embed_text(<target> <name> <file>...)
#
# (files relative to the current folder, or absolute) adds a source to the target that defines `const char <name>[]`:
# the files, one after the other, and a NUL.
# Run as a script (cmake -P), this file is also what writes that source.

if(CMAKE_SCRIPT_MODE_FILE)
  set(hex "")
  string(REPLACE "|" ";" files "${FILES}")
  foreach(file IN LISTS files)
    file(READ "${file}" part HEX)
    string(APPEND hex "${part}")
  endforeach()
  string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
  string(REGEX REPLACE "(................................................................................)" "\\1\n" bytes "${bytes}")
  file(WRITE "${OUTPUT}" "extern const char ${NAME}[];\nconst char ${NAME}[] = {\n${bytes}0};\n")
  return()
endif()

set(EMBED_TEXT_SCRIPT "${CMAKE_CURRENT_LIST_FILE}" CACHE INTERNAL "")

function(embed_text target name)
  set(files "")
  foreach(file IN LISTS ARGN)
    get_filename_component(path "${file}" ABSOLUTE)
    list(APPEND files "${path}")
  endforeach()
  list(JOIN files "|" joined)
  set(output "${CMAKE_CURRENT_BINARY_DIR}/${target}_${name}.c")
  add_custom_command(
    OUTPUT "${output}"
    COMMAND "${CMAKE_COMMAND}" "-DNAME=${name}" "-DFILES=${joined}" "-DOUTPUT=${output}" -P "${EMBED_TEXT_SCRIPT}"
    DEPENDS ${files} "${EMBED_TEXT_SCRIPT}"
    COMMENT "Embedding ${name}"
    VERBATIM)
  target_sources(${target} PRIVATE "${output}")
endfunction()
