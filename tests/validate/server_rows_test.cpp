#include "validate/server_rows.hpp"

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/error.hpp"
#include "tests/catch.hpp"
#include "validate/server_fit.hpp"

namespace kvplan {
namespace {

const std::string kHeader =
    "system,backend,backend_version,model,precision,isl,osl,concurrency,tp,ttft_ms_mean,tpot_ms_mean\n";

std::vector<ServerRow> rows_of(const std::string& text) {
  const auto path = std::filesystem::temp_directory_path() / ("kvplan_rows_" + std::to_string(getpid()) + ".csv");
  std::ofstream(path) << text;
  const std::vector<ServerRow> rows = read_server_rows(path.string());
  std::filesystem::remove(path);
  return rows;
}

std::string errors_of(const std::string& text) {
  try {
    rows_of(text);
  } catch (const InputError& e) {
    return e.what();
  }
  return "";
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST_CASE("rows are read in SI units, with what follows") {
  const auto rows = rows_of(kHeader + "h100_sxm,vllm,0.12.0,Qwen/Qwen3-32B,fp8,1024,101,8,2,150.5,20\n");
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].line == 2);
  CHECK(rows[0].weights == Dtype::fp8);
  CHECK(rows[0].ttft_s == Approx(0.1505));
  CHECK(rows[0].e2e_s() == Approx(0.1505 + 100 * 0.020));
  CHECK(rows[0].server() == "vllm 0.12.0, Qwen/Qwen3-32B");
}

TEST_CASE("everything wrong with a file of rows is told at once") {
  const std::string told = errors_of(kHeader +
                                     "h100_sxm,vllm,0.12.0,m,bf17,1024,128,8,1,10,20\n"
                                     "h100_sxm,vllm,0.12.0,m,bf16,0,128,8,1,10,20\n"
                                     "h100_sxm,vllm,0.12.0,m,bf16,1024,128,8,1,-1,nan\n"
                                     "h100_sxm,vllm,0.12.0,m,bf16,2048,128,8,1,10,20\n"
                                     "h100_sxm,vllm,0.12.0,m,bf16,2048,128,8,1,11,21\n");
  CAPTURE(told);
  CHECK(has(told, "\"precision\" is \"bf17\""));
  CHECK(has(told, "did you mean \"bf16\"?"));
  CHECK(has(told, ":3: error: \"isl\" is \"0\""));
  CHECK(has(told, "\"ttft_ms_mean\" is \"-1\""));
  CHECK(has(told, "\"tpot_ms_mean\" is \"nan\""));
  CHECK(has(told, ":6: error: the same point stands in line 5"));
  CHECK(has(errors_of("system,backend\nx,y\n"), "isl"));
  CHECK(has(errors_of(kHeader), "no rows"));
}

TEST_CASE("every second combination of lengths, counted for each server on its own") {
  const auto rows = rows_of(kHeader +
                            "h,a,1,m,bf16,1024,512,8,1,10,20\n"
                            "h,a,1,m,bf16,1024,128,8,1,10,20\n"
                            "h,a,1,m,bf16,1024,128,16,1,10,20\n"
                            "h,a,1,m,bf16,2048,128,8,1,10,20\n"
                            "h,b,1,m,bf16,1024,512,8,1,10,20\n");
  CHECK(every_second_combination(rows) == std::vector<bool>{false, true, true, true, true});
}

}  // namespace
}  // namespace kvplan
