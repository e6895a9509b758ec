# Arrow and Parquet C++: the user's own installation when find_package sees one, else the pyarrow wheel in
# RINGFEED_SITE_PACKAGES. The wheel has headers and versioned libraries only, no CMake files, so they are named by
# full path. Defines the targets ArrowWheel::arrow and ArrowWheel::parquet.
find_package(Arrow CONFIG QUIET)
find_package(Parquet CONFIG QUIET)
if(Arrow_FOUND AND Parquet_FOUND)
  set(ArrowWheel_VERSION "${Arrow_VERSION}")
  if(NOT TARGET ArrowWheel::arrow)
    add_library(ArrowWheel::arrow INTERFACE IMPORTED)
    target_link_libraries(ArrowWheel::arrow INTERFACE Arrow::arrow_shared)
    add_library(ArrowWheel::parquet INTERFACE IMPORTED)
    target_link_libraries(ArrowWheel::parquet INTERFACE Parquet::parquet_shared)
  endif()
  set(ArrowWheel_FOUND TRUE)
  message(STATUS "Found Arrow ${Arrow_VERSION} (${Arrow_DIR})")
  return()
endif()

set(_wheel "${RINGFEED_SITE_PACKAGES}/pyarrow")
find_path(ArrowWheel_INCLUDE_DIR arrow/api.h PATHS "${_wheel}/include" NO_DEFAULT_PATH)
file(GLOB _arrow "${_wheel}/libarrow.so.*")
file(GLOB _parquet "${_wheel}/libparquet.so.*")
if(_arrow AND _parquet)
  set(ArrowWheel_LIBRARY "${_arrow}")
  set(ArrowWheel_PARQUET_LIBRARY "${_parquet}")
endif()
if(ArrowWheel_INCLUDE_DIR)
  file(STRINGS "${ArrowWheel_INCLUDE_DIR}/arrow/util/config.h" _version
    REGEX "#define ARROW_VERSION_STRING")
  string(REGEX MATCH "[0-9]+\\.[0-9]+\\.[0-9]+" ArrowWheel_VERSION "${_version}")
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(ArrowWheel
  REQUIRED_VARS ArrowWheel_LIBRARY ArrowWheel_PARQUET_LIBRARY ArrowWheel_INCLUDE_DIR
  VERSION_VAR ArrowWheel_VERSION
  REASON_FAILURE_MESSAGE "run tools/setup.sh demo, or name an Arrow installation with CMAKE_PREFIX_PATH")

if(ArrowWheel_FOUND AND NOT TARGET ArrowWheel::arrow)
  add_library(ArrowWheel::arrow SHARED IMPORTED)
  set_target_properties(ArrowWheel::arrow PROPERTIES
    IMPORTED_LOCATION "${ArrowWheel_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES "${ArrowWheel_INCLUDE_DIR}")
  add_library(ArrowWheel::parquet SHARED IMPORTED)
  set_target_properties(ArrowWheel::parquet PROPERTIES
    IMPORTED_LOCATION "${ArrowWheel_PARQUET_LIBRARY}")
  target_link_libraries(ArrowWheel::parquet INTERFACE ArrowWheel::arrow)
endif()
mark_as_advanced(ArrowWheel_INCLUDE_DIR)
