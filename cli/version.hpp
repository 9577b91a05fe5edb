#pragma once

namespace kvplan {

const char* version();     // "0.1.0"
const char* git_commit();  // of the sources as configured, "-dirty" where they differed; "unknown" outside git

}  // namespace kvplan
