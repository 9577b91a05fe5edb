#include "cli/arguments.hpp"

#include <fmt/format.h>

#include "base/error.hpp"

namespace kvplan {

namespace po = boost::program_options;

po::variables_map parse_arguments(const po::options_description& options, const std::vector<std::string>& positional,
                                  const std::vector<std::string>& arguments) {
  po::positional_options_description places;
  for (const std::string& name : positional) places.add(name.c_str(), 1);
  const int style = po::command_line_style::unix_style & ~po::command_line_style::allow_guessing;
  po::variables_map values;
  try {
    po::store(po::command_line_parser(arguments).options(options).positional(places).style(style).run(), values);
    po::notify(values);
  } catch (const po::unknown_option& e) {
    std::vector<std::string> names;
    for (const auto& o : options.options()) names.push_back("--" + o->long_name());
    throw UsageError(fmt::format("unknown option \"{}\"", e.get_option_name()), suggestion(e.get_option_name(), names));
  } catch (const po::too_many_positional_options_error&) {
    throw UsageError(fmt::format("too many arguments: at most {} without a flag", positional.size()),
                     "--help shows the usage");
  } catch (const po::multiple_occurrences& e) {
    throw UsageError(fmt::format("{} is given more than once", e.get_option_name()), "keep one of them");
  } catch (const po::error& e) {
    throw UsageError(e.what(), "--help tells what each option takes");
  }
  return values;
}

std::int64_t integer_of(const po::variables_map& values, const char* option, std::int64_t low, std::int64_t high) {
  const auto n = values[option].as<std::int64_t>();
  if (n >= low && n <= high) return n;
  throw UsageError(fmt::format("--{} is {}, expected an integer from {} to {}", option, n, low, high));
}

double number_of(const po::variables_map& values, const char* option, double low, double high) {
  const auto x = values[option].as<double>();
  if (x >= low && x <= high) return x;
  throw UsageError(fmt::format("--{} is {}, expected {} to {}", option, x, low, high));
}

}  // namespace kvplan
