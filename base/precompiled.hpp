// The headers that take longest to read, read once for all libraries; each file
// still includes what it uses. What most of them would instantiate alike is
// instantiated once, in precompiled.cpp. Every file that uses them maps all of
// them: what is of use to one library alone stands in its own (cli/precompiled.hpp).
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <vector>

extern template class nlohmann::basic_json<>;
extern template class nlohmann::basic_json<nlohmann::ordered_map>;
extern template nlohmann::json nlohmann::json::parse(const char*&&, const nlohmann::json::parser_callback_t, const bool,
                                                     const bool);
extern template class std::vector<std::string>;
extern template class std::map<std::string, std::string>;
