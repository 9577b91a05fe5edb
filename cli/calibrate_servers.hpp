// The part of `kvplan calibrate` that reads measured servers.
#pragma once

#include <boost/program_options.hpp>
#include <string>
#include <vector>

#include "cli/arguments.hpp"
#include "cli/verb.hpp"
#include "validate/server_calibration.hpp"

namespace kvplan {

void add_server_options(boost::program_options::options_description&);

// The base with host work fitted to these rows or result files; prints held-out errors to streams.out (to streams.err
// where `quiet`, since the calibration itself goes to stdout) and warnings to streams.err.
Calibration with_server(const Calibration& base, const std::vector<std::string>& files, const Hardware&,
                        const boost::program_options::variables_map&, bool quiet, Streams);

}  // namespace kvplan
