// What kvplan wrote as JSON, read back by those who compare, explain or draw it.
#pragma once

#include <string>

#include "reports/result_document.hpp"

namespace kvplan {

// InputError with line and column where the file is no JSON.
Json parse_kept(const std::string& path);

// "" where the document names none.
std::string schema_of(const Json& document);

// InputError that names `path`, unless the document keeps to result.schema.json, and its curves have a value for each
// place on their axis (those of latencies: or none at all).
void require_result(const Json& document, const std::string& path);

// The file, as required.
Json read_kept_result(const std::string& path);

}  // namespace kvplan
