// What is wrong with a hardware file of some text.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>

#include "base/embedded.hpp"
#include "base/error.hpp"
#include "hardware/hardware.hpp"
#include "tests/catch.hpp"
#include "tests/own_path.hpp"

namespace kvplan::testing {

// One finding a line; empty: none.
inline std::string hardware_findings(const std::string& text) {
  const auto path = own_path("kvplan_hardware.json");
  std::ofstream(path) << text;
  std::string found;
  try {
    load_hardware(path.string());
  } catch (const InputError& e) {
    found = e.what();
  }
  std::filesystem::remove(path);
  return found;
}

// A shipped device's text with one part of it replaced.
inline std::string device_with(const std::string& device, const std::string& from, const std::string& to) {
  std::string text(embedded_file("hardware/devices/" + device + ".json"));
  const std::size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

}  // namespace kvplan::testing
