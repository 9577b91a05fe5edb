// Asked before something large is made, so that a load that cannot fit ends at once with what it would take.
#pragma once

#include <string>

namespace kvplan {

// Bytes that this process may still take: by the limit on its address space, by its control group, and by what the
// system has available. Infinite where none of them tells.
double memory_left();

// InfeasibleError with `what`, the bytes it would take and those that are left, where the former are more.
void require_memory(double bytes, const std::string& what, const std::string& help);

}  // namespace kvplan
