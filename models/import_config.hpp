// A model from the config.json of a Hugging Face repository.
#pragma once

#include <string>
#include <vector>

#include "models/architecture.hpp"

namespace kvplan {

// The families that are understood, by the "model_type" of their config: "llama", "qwen3_moe", ...
std::vector<std::string> importable_model_types();

// `name` is what the model is to be called. InputError with all findings of the file: missing and impossible
// dimensions, an unknown model_type, and shapes that kvplan does not model (they would give wrong bytes).
Architecture import_config(const std::string& path, const std::string& name);

// The model file (docs/formats.md) that load_architecture reads back as the same architecture.
std::string model_file_text(const Architecture&);

}  // namespace kvplan
