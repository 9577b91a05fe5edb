// Boost.Program_options with kvplan's manners: nothing is guessed from an
// abbreviation, and what is unknown gets a suggestion.
#pragma once

#include <boost/program_options.hpp>
#include <cstdint>
#include <string>
#include <vector>

namespace kvplan {

// `positional` names the options that words without dashes fill, one each. UsageError.
boost::program_options::variables_map parse_arguments(const boost::program_options::options_description& options,
                                                      const std::vector<std::string>& positional,
                                                      const std::vector<std::string>& arguments);

// The value of an option within a range. UsageError.
std::int64_t integer_of(const boost::program_options::variables_map&, const char* option, std::int64_t low,
                        std::int64_t high);
double number_of(const boost::program_options::variables_map&, const char* option, double low, double high);

}  // namespace kvplan
