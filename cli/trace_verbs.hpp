// What the parts of `kvplan trace` share.
#pragma once

#include <boost/program_options.hpp>
#include <charconv>
#include <functional>
#include <string>
#include <vector>

#include "cli/verb.hpp"
#include "traces/workload.hpp"

namespace kvplan {

// --help, --strict, --block-tokens and --set, which every verb that reads a trace knows.
boost::program_options::options_description trace_options();

// `positional` names the one word without dashes.
boost::program_options::variables_map parse_trace_arguments(const boost::program_options::options_description&,
                                                            const char* positional,
                                                            const std::vector<std::string>& arguments);

// The value of an option, if it is one of those allowed; UsageError.
std::string choice(const boost::program_options::variables_map&, const char* option,
                   const std::vector<std::string>& allowed);

// Loads and transforms the trace that an option names as the options say, with arrivals as recorded: nothing that is
// measured on a trace depends on where in its tick a turn arrives. Notes go to `err`.
Workload load_for_verb(const boost::program_options::variables_map&, Streams, const char* option = "trace");

// --block-tokens, where it is given. UsageError.
std::int32_t block_tokens_of(const boost::program_options::variables_map&);

// Calls `write` with where a trace goes: "-" is stdout, and a file appears whole or, also when it is interrupted, not at
// all.
void write_trace(const std::string& out, Streams, const std::function<void(std::ostream&)>& write);

// The most memory that the program has held so far.
double peak_memory_mb();

template <class T>
bool parse_whole(const std::string& text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

ExitCode trace_stat(const std::vector<std::string>& arguments, Streams streams);
ExitCode trace_mrc(const std::vector<std::string>& arguments, Streams streams);
ExitCode trace_convert(const std::vector<std::string>& arguments, Streams streams);
ExitCode trace_synth(const std::vector<std::string>& arguments, Streams streams);

}  // namespace kvplan
