#include "base/precompiled.hpp"

template class nlohmann::basic_json<>;
template class nlohmann::basic_json<nlohmann::ordered_map>;
template nlohmann::json nlohmann::json::parse(const char*&&, const nlohmann::json::parser_callback_t, const bool,
                                              const bool);
template class std::vector<std::string>;
template class std::map<std::string, std::string>;
