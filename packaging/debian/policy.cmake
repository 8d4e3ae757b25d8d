# Run by cpack on the tree that it packs: what Debian's policy wants otherwise than other systems.
# Manual pages and changelogs are compressed, the licence is in `copyright`, and there is a
# changelog in Debian's format.
set(share ${CPACK_TEMPORARY_DIRECTORY}/usr/share)
set(doc ${share}/doc/${CPACK_PACKAGE_NAME})

file(STRINGS ${doc}/CHANGELOG.md release REGEX "^## \\[${CPACK_PACKAGE_VERSION}\\] - ")
string(REGEX REPLACE ".* - " "" day "${release}")
if(NOT day)
    message(FATAL_ERROR "CHANGELOG.md does not tell of ${CPACK_PACKAGE_VERSION}")
endif()
execute_process(COMMAND date -u -R -d "${day}" OUTPUT_VARIABLE date COMMAND_ERROR_IS_FATAL ANY
    OUTPUT_STRIP_TRAILING_WHITESPACE)
file(WRITE ${doc}/changelog "${CPACK_PACKAGE_NAME} (${CPACK_PACKAGE_VERSION}) unstable; \
urgency=medium\n\n  * See CHANGELOG.md.\n\n -- ${CPACK_PACKAGE_CONTACT}  ${date}\n")

file(READ ${doc}/LICENSE licence)
string(REGEX REPLACE "^MIT License\n\nCopyright .c. ([^\n]*)\n\n" "" licence "${licence}")
set(holder "${CMAKE_MATCH_1}")
string(SUBSTRING "${day}" 0 4 year)
string(REPLACE "\n\n" "\n.\n" licence "${licence}")
string(STRIP "${licence}" licence)
string(REPLACE "\n" "\n " licence "${licence}")
file(WRITE ${doc}/copyright "Format: https://www.debian.org/doc/packaging-manuals/\
copyright-format/1.0/\nUpstream-Name: SIM7X00 emulator\n\nFiles: *\n\
Copyright: ${year} ${holder}\nLicense: Expat\n ${licence}\n")
file(REMOVE ${doc}/LICENSE)

file(GLOB pages ${share}/man/man*/*)
execute_process(COMMAND gzip -9n ${pages} ${doc}/changelog COMMAND_ERROR_IS_FATAL ANY)
