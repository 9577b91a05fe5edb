// As base/precompiled.hpp, with what nearly every verb reads besides.
#pragma once

#include "base/precompiled.hpp"

#include <boost/program_options.hpp>
