// kvplan study NAME: closed forms and small programs on one question each (studies/). One file a study, listed in
// cli/study.cpp.
#pragma once

#include <boost/program_options.hpp>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/arguments.hpp"
#include "cli/verb.hpp"
#include "hardware/hardware.hpp"
#include "models/architecture.hpp"

namespace kvplan {

// What every study's document begins with, and what is printed of it.
struct Study {
  nlohmann::ordered_json document;             // units in the keys
  std::vector<std::vector<std::string>> rows;  // the first is the heading
  std::vector<std::string> notes;
};

struct StudyEntry {
  const char* name;
  const char* summary;
  const char* model;  // defaults
  const char* hardware;
  void (*add_options)(boost::program_options::options_description&);  // beyond model, hardware, dtypes and format
  Study (*run)(const Architecture&, const Hardware&, Dtype weights, Dtype kv,
               const boost::program_options::variables_map&);
};

const StudyEntry& kvpr_study();            // cli/study_kvpr.cpp
const StudyEntry& unified_memory_study();  // cli/study_unified_memory.cpp
const StudyEntry& paging_study();          // cli/study_paging.cpp
const StudyEntry& storage_study();         // cli/study_storage.cpp

// An option that takes an integer.
inline auto* integer(std::int64_t fallback) {
  return boost::program_options::value<std::int64_t>()->value_name("N")->default_value(fallback);
}

}  // namespace kvplan
