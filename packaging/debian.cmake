# The Debian package: `cpack` in the folder of a release build that was configured with the prefix
# /usr; ./dev package does it.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME sim7x00)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_CONTACT "The SIM7X00 emulator authors <sim7x00@users.invalid>")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION comm)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "bash-completion, picocom, python3")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "emulator of SIMCom SIM7X00 cellular modules")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
"A daemon that offers the serial ports of a cellular module as pseudo-terminals
and answers AT commands as the module does: TCP/IP, dial-up by PPP, the
multiplexer, GNSS, the SIM card, the phone book, Bluetooth and WiFi.

Scenarios make the module, its network and its far ends fail in ways that were
seen in the field, and judge what a driver does then. A control socket and
its client, sim7x00ctl, do the same to a running daemon.")
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${CMAKE_SOURCE_DIR}/packaging/debian/prerm
    ${CMAKE_SOURCE_DIR}/packaging/debian/postrm)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_SOURCE_DIR}/packaging/debian/policy.cmake)
set(CPACK_SIM7X00_SOURCE ${CMAKE_SOURCE_DIR})
include(CPack)
