// Boost.Program_options with kvplan's manners: nothing is guessed from an
// abbreviation, and what is unknown gets a suggestion.
#pragma once

#include <string>
#include <vector>

#include <boost/program_options.hpp>

namespace kvplan {

// `positional` names the options that words without dashes fill, one each. UsageError.
boost::program_options::variables_map parse_arguments(const boost::program_options::options_description& options,
                                                      const std::vector<std::string>& positional,
                                                      const std::vector<std::string>& arguments);

}  // namespace kvplan
