# Run as a script (cmake -P): writes OUTPUT, which is INPUT with BY in the place of WHAT. That WHAT is there once is
# checked: else the gateway made of it would be right.
file(READ "${INPUT}" text)
string(FIND "${text}" "${WHAT}" first)
string(FIND "${text}" "${WHAT}" last REVERSE)
if(first EQUAL -1 OR NOT first EQUAL last)
  message(FATAL_ERROR "${INPUT} does not have this once: ${WHAT}")
endif()
string(REPLACE "${WHAT}" "${BY}" text "${text}")
file(WRITE "${OUTPUT}" "${text}")
