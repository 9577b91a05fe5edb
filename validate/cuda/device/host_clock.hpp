// The host's clock, beside which streams run; emulation/device_model.cpp has one of its own.
#pragma once

#include <cstdint>

namespace kvplan::gpu {

std::int64_t host_now_ns();  // since some instant
// Lets about that time pass, at most; 0: just gives way.
void host_wait_ns(std::int64_t ns);

}  // namespace kvplan::gpu
