# find_package(Crosstie) gives Crosstie::crosstie, the shared library, and Crosstie::static.
get_filename_component(_crosstie_prefix "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)

# cargo-c installs into the system's own folder for libraries.
foreach(_crosstie_folder lib lib64 "lib/${CMAKE_LIBRARY_ARCHITECTURE}")
  if(EXISTS "${_crosstie_prefix}/${_crosstie_folder}/libcrosstie.so")
    set(_crosstie_lib "${_crosstie_prefix}/${_crosstie_folder}")
  endif()
endforeach()
if(NOT DEFINED _crosstie_lib)
  set(Crosstie_FOUND FALSE)
  set(Crosstie_NOT_FOUND_MESSAGE "there is no libcrosstie.so below ${_crosstie_prefix}/lib")
  return()
endif()

if(NOT TARGET Crosstie::crosstie)
  add_library(Crosstie::crosstie SHARED IMPORTED)
  set_target_properties(Crosstie::crosstie PROPERTIES
    IMPORTED_LOCATION "${_crosstie_lib}/libcrosstie.so"
    INTERFACE_INCLUDE_DIRECTORIES "${_crosstie_prefix}/include")
  add_library(Crosstie::static STATIC IMPORTED)
  set_target_properties(Crosstie::static PROPERTIES
    IMPORTED_LOCATION "${_crosstie_lib}/libcrosstie.a"
    INTERFACE_INCLUDE_DIRECTORIES "${_crosstie_prefix}/include"
    INTERFACE_LINK_LIBRARIES "gcc_s;util;rt;pthread;m;dl;c")
endif()

unset(_crosstie_folder)
unset(_crosstie_lib)
unset(_crosstie_prefix)
