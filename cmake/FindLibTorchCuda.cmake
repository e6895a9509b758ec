# What compiling against torch's CUDA side needs, without the CUDA toolkit: the headers of CUDA and NCCL from the wheels in
# RINGFEED_SITE_PACKAGES (tools/setup.sh cuda) or the user's own (CMAKE_PREFIX_PATH), and libtorch_cuda beside libtorch_cpu.
# Defines the target LibTorch::cuda. FindLibTorch comes first.
set(_cuda_wheel "${RINGFEED_SITE_PACKAGES}/nvidia/cu13/include")
find_path(LibTorchCuda_INCLUDE_DIR NAMES cuda_runtime_api.h HINTS "${_cuda_wheel}")
find_path(LibTorchCuda_SOLVER_INCLUDE_DIR NAMES cusolverDn.h HINTS "${_cuda_wheel}")
find_path(LibTorchCuda_CRT_INCLUDE_DIR NAMES crt/host_defines.h HINTS "${_cuda_wheel}")
find_path(LibTorchCuda_CCCL_INCLUDE_DIR NAMES nv/target HINTS "${_cuda_wheel}" "${_cuda_wheel}/cccl")
find_path(LibTorchCuda_NCCL_INCLUDE_DIR NAMES nccl.h HINTS "${RINGFEED_SITE_PACKAGES}/nvidia/nccl/include")
get_filename_component(_libtorch_root "${LibTorch_INCLUDE_DIR}" DIRECTORY)
find_library(LibTorchCuda_LIBRARY torch_cuda PATHS "${_libtorch_root}/lib" NO_DEFAULT_PATH)
find_library(LibTorchCuda_C10_LIBRARY c10_cuda PATHS "${_libtorch_root}/lib" NO_DEFAULT_PATH)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(LibTorchCuda
  REQUIRED_VARS LibTorchCuda_LIBRARY LibTorchCuda_C10_LIBRARY LibTorchCuda_INCLUDE_DIR LibTorchCuda_SOLVER_INCLUDE_DIR
    LibTorchCuda_CRT_INCLUDE_DIR LibTorchCuda_CCCL_INCLUDE_DIR LibTorchCuda_NCCL_INCLUDE_DIR
  REASON_FAILURE_MESSAGE "run 'tools/setup.sh cuda', or name an installation with CMAKE_PREFIX_PATH")

if(LibTorchCuda_FOUND AND NOT TARGET LibTorch::cuda)
  add_library(LibTorch::cuda INTERFACE IMPORTED)
  target_include_directories(LibTorch::cuda INTERFACE ${LibTorchCuda_INCLUDE_DIR} ${LibTorchCuda_SOLVER_INCLUDE_DIR}
    ${LibTorchCuda_CRT_INCLUDE_DIR} ${LibTorchCuda_CCCL_INCLUDE_DIR} ${LibTorchCuda_NCCL_INCLUDE_DIR})
  target_link_libraries(LibTorch::cuda INTERFACE ${LibTorchCuda_LIBRARY} ${LibTorchCuda_C10_LIBRARY} LibTorch::cpu)
  # What libtorch_cuda itself needs it finds by its own path, in the wheels.
  target_link_options(LibTorch::cuda INTERFACE -Wl,--allow-shlib-undefined)
endif()
mark_as_advanced(LibTorchCuda_LIBRARY LibTorchCuda_C10_LIBRARY LibTorchCuda_INCLUDE_DIR LibTorchCuda_SOLVER_INCLUDE_DIR
  LibTorchCuda_CRT_INCLUDE_DIR LibTorchCuda_CCCL_INCLUDE_DIR LibTorchCuda_NCCL_INCLUDE_DIR)
