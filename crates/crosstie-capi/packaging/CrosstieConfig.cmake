# find_package(Crosstie) gives Crosstie::crosstie, the shared library, and Crosstie::static.
get_filename_component(_crosstie_prefix "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)

if(NOT TARGET Crosstie::crosstie)
  add_library(Crosstie::crosstie SHARED IMPORTED)
  set_target_properties(Crosstie::crosstie PROPERTIES
    IMPORTED_LOCATION "${_crosstie_prefix}/lib/libcrosstie.so"
    INTERFACE_INCLUDE_DIRECTORIES "${_crosstie_prefix}/include")
  add_library(Crosstie::static STATIC IMPORTED)
  set_target_properties(Crosstie::static PROPERTIES
    IMPORTED_LOCATION "${_crosstie_prefix}/lib/libcrosstie.a"
    INTERFACE_INCLUDE_DIRECTORIES "${_crosstie_prefix}/include"
    INTERFACE_LINK_LIBRARIES "gcc_s;util;rt;pthread;m;dl;c")
endif()

unset(_crosstie_prefix)
