# What of the GPU harness needs no GPU: its runs as files, and its kernels' bodies emulated.
find_package(Boost 1.74 REQUIRED COMPONENTS context)

kvplan_library(gpu COLD
  SOURCES
    gpu_run/gpu_run.cpp
    gpu_run/judge.cpp
    gpu_run/nvbandwidth.cpp
    gpu_run/read.cpp
    gpu_run/statistics.cpp
    gpu_run/tables.cpp
    gpu_run/targets.cpp
    cuda/checks/attention_case.cpp
    cuda/checks/fused_case.cpp
    cuda/emulation/block.cpp
  LINK kvplan_base Boost::context)

# A fiber that ends returns from nothing: the thread sanitizer's own stack of calls, which is of 64 K, would run over.
if(CMAKE_CXX_FLAGS MATCHES "-fsanitize=thread")
  set_source_files_properties(cuda/emulation/block.cpp PROPERTIES
                              COMPILE_OPTIONS -fno-sanitize=thread SKIP_PRECOMPILE_HEADERS ON)
endif()

# Replays of the mini-engine: what is to run, what was predicted, what happened; and the engine's books of pages.
kvplan_library(replay COLD
  SOURCES
    replay/compare.cpp
    replay/figures.cpp
    replay/links_json.cpp
    replay/log.cpp
    replay/plan.cpp
    replay/predictions.cpp
    replay/step_time_json.cpp
    cuda/engine/page_tables.cpp
    cuda/engine/tokens.cpp
  LINK kvplan_gpu kvplan_sim)
