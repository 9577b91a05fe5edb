// The one table of every scenario option. It feeds the scenario reader, --set,
// the shortcut flags, --print-config, `kvplan schema`, docs/reference.md, the
// did-you-mean lists, and a test that walks it: an option that is not here does
// not exist, and one that is here works everywhere.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/error.hpp"

namespace kvplan {

enum class OptionType {
  text,
  texts,    // one or several; a run simulates each. JSON: a string or an array; elsewhere separated by commas
  integer,  // JSON 8192, 8192.0 or 8.192e3
  bytes,    // an integer, or text with a unit: "480 GB", "1.5TiB"
  number,
  boolean,
};

struct Option {
  std::string path;               // "engine.max_num_seqs": its place in the scenario
  OptionType type;
  std::string unit;               // "" for what has none
  nlohmann::json fallback;        // the built-in value; null: decided by what fallback_text says
  std::string fallback_text;      // "" when fallback speaks for itself
  double low = 0, high = 0;       // inclusive; of integer, bytes and number
  std::vector<std::string> choices;  // of text and texts; empty: any
  std::string help;               // a sentence; sources stand here
  std::string flag;               // "tp" for --tp; "" for none
};

const std::vector<Option>& option_table();
const Option* find_option(const std::string& path);  // null when there is none
std::vector<std::string> option_paths();

// "did you mean ..." over whole paths and their last parts.
std::string suggest_option(const std::string& path);

// What a value of this option must be: "an integer from 1 to 64", "one of none, dram".
std::string expectation(const Option&);

// Why a value is not allowed, and what is; without a place.
Diagnostic refusal(const Option&, const nlohmann::json& value);

// The value in its normal form (bytes as an integer, texts as an array), or nothing when it is not allowed.
std::optional<nlohmann::json> accept(const Option&, const nlohmann::json& value);

// The same from the command line, where everything is text.
std::optional<nlohmann::json> accept_text(const Option&, const std::string& text);

}  // namespace kvplan
