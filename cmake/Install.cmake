# What `make install` and `make package` put where: the gateway, the web client where it has been built, the systemd
# unit and its environment file, and the documents.

include(GNUInstallDirs)
set(dist "${PROJECT_SOURCE_DIR}/client/dist")

install(FILES "${PROJECT_SOURCE_DIR}/README.md" "${PROJECT_SOURCE_DIR}/README.ko.md" "${PROJECT_SOURCE_DIR}/LICENSE"
              "${PROJECT_SOURCE_DIR}/CHANGELOG.md" DESTINATION "${CMAKE_INSTALL_DOCDIR}")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/docs" DESTINATION "${CMAKE_INSTALL_DOCDIR}")
# It may hold a password; systemd reads it as root. What somebody has written into it stays. (file(INSTALL) heeds
# DESTDIR by itself.)
set(environment "${CMAKE_INSTALL_FULL_SYSCONFDIR}/ridecast/ridecast.env")
install(CODE "
  if(NOT EXISTS \"\$ENV{DESTDIR}${environment}\")
    file(INSTALL \"${PROJECT_SOURCE_DIR}/deploy/systemd/ridecast.env\"
         DESTINATION \"${CMAKE_INSTALL_FULL_SYSCONFDIR}/ridecast\" PERMISSIONS OWNER_READ OWNER_WRITE)
  endif()")
install(DIRECTORY "${dist}/" DESTINATION "${CMAKE_INSTALL_DATADIR}/ridecast/client" OPTIONAL)

# The unit serves the client if there is one to install, which is known then and not now.
install(CODE "
  set(RIDECAST_UNIT_STATIC \"\")
  if(EXISTS \"${dist}/index.html\")
    set(RIDECAST_UNIT_STATIC \"Environment=RIDECAST_STATIC=${CMAKE_INSTALL_FULL_DATADIR}/ridecast/client\\n\")
  endif()
  set(CMAKE_INSTALL_FULL_BINDIR \"${CMAKE_INSTALL_FULL_BINDIR}\")
  set(CMAKE_INSTALL_FULL_DOCDIR \"${CMAKE_INSTALL_FULL_DOCDIR}\")
  set(CMAKE_INSTALL_FULL_SYSCONFDIR \"${CMAKE_INSTALL_FULL_SYSCONFDIR}\")
  configure_file(\"${PROJECT_SOURCE_DIR}/deploy/systemd/ridecast@.service.in\"
                 \"${PROJECT_BINARY_DIR}/ridecast@.service\" @ONLY)")
install(FILES "${PROJECT_BINARY_DIR}/ridecast@.service" DESTINATION lib/systemd/system)

# A Debian package; configure with CMAKE_INSTALL_PREFIX=/usr for it (make package does).
set(CPACK_GENERATOR DEB)
set(CPACK_SET_DESTDIR ON)
set(CPACK_PACKAGE_CONTACT "ridecast")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "presence gateway for ride apps: Socket.IO and WebSocket, shared through Redis")
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
# libwebsockets loads its event loop by name, which no tool sees.
set(CPACK_DEBIAN_PACKAGE_DEPENDS "libwebsockets-evlib-uv")
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "redis-server (>= 5:6.2)")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "nginx")
file(WRITE "${PROJECT_BINARY_DIR}/conffiles" "${environment}\n")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
    "${PROJECT_BINARY_DIR}/conffiles" "${PROJECT_SOURCE_DIR}/deploy/debian/postinst"
    "${PROJECT_SOURCE_DIR}/deploy/debian/prerm" "${PROJECT_SOURCE_DIR}/deploy/debian/postrm")
set(CPACK_STRIP_FILES ON)
include(CPack)
