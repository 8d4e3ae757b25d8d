# What `cmake --install` puts where: GNUInstallDirs, and nothing knows the prefix, so that the tree
# may be moved.
install(TARGETS sim7x00 sim7x00ctl)
install(TARGETS sim7x00lines LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/sim7x00)

file(GLOB library CONFIGURE_DEPENDS scenarios/library/*.json)
install(FILES ${library} DESTINATION ${CMAKE_INSTALL_DATADIR}/sim7x00/scenarios)
install(FILES scenarios/schema.json DESTINATION ${CMAKE_INSTALL_DATADIR}/sim7x00)

foreach(completion emulator/sim7x00.bash scenarios/sim7x00ctl.bash)
    cmake_path(GET completion STEM program)
    install(FILES ${completion} RENAME ${program}
        DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
endforeach()
install(FILES docs/man/sim7x00.1 docs/man/sim7x00ctl.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES docs/man/sim7x00-scenario.5 DESTINATION ${CMAKE_INSTALL_MANDIR}/man5)

# As they lie in the repository, for their links to one another.
install(FILES README.md CHANGELOG.md CONTRIBUTING.md LICENSE
    DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs DESTINATION ${CMAKE_INSTALL_DOCDIR}
    FILES_MATCHING PATTERN *.md PATTERN *.svg PATTERN man EXCLUDE)
install(FILES scenarios/README.md DESTINATION ${CMAKE_INSTALL_DOCDIR}/scenarios)
file(RELATIVE_PATH to_library ${CMAKE_INSTALL_FULL_DOCDIR}/scenarios
    ${CMAKE_INSTALL_FULL_DATADIR}/sim7x00/scenarios)
install(CODE "file(CREATE_LINK ${to_library}
    \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_DOCDIR}/scenarios/library\" SYMBOLIC)")
install(DIRECTORY examples DESTINATION ${CMAKE_INSTALL_DOCDIR} USE_SOURCE_PERMISSIONS
    PATTERN build EXCLUDE PATTERN __pycache__ EXCLUDE PATTERN .pytest_cache EXCLUDE)

# systemd looks below /usr/lib and /usr/local/lib, whatever the libraries' folder is.
configure_file(packaging/sim7x00@.service.in ${CMAKE_BINARY_DIR}/sim7x00@.service @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/sim7x00@.service DESTINATION lib/systemd/system)
