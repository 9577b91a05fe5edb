#include "traces/workload_file.hpp"

#include <nlohmann/json.hpp>
#include <type_traits>

#include "base/checksum.hpp"

namespace kvplan {
namespace {

using Json = nlohmann::ordered_json;

template <class T>
std::string_view bytes_of_array(const std::vector<T>& array) {
  static_assert(std::has_unique_object_representations_v<T>, "no padding: equal workloads are equal bytes");
  return {reinterpret_cast<const char*>(array.data()), array.size() * sizeof(T)};
}

// Calls visit(array) for each; reading and writing walk the same list.
template <class W, class Visit>
void each_array(W& w, Visit visit) {
  visit(w.turns);
  visit(w.prompt_blocks);
  visit(w.output_blocks);
  visit(w.parent_of_block);
  visit(w.tokens_of_block);
}

std::string line_of(std::istream& in, const char* what) {
  std::string line;
  if (!std::getline(in, line) || in.eof()) throw DamagedWorkload(std::string("it ends in its ") + what);
  return line;
}

template <class T>
void read_array(std::istream& in, const Json& section, std::vector<T>& array) {
  const auto bytes = section.at("bytes").get<std::size_t>();
  array.resize(bytes / sizeof(T));
  in.read(reinterpret_cast<char*>(array.data()), static_cast<std::streamsize>(bytes));
  if (bytes % sizeof(T) != 0 || !in) throw DamagedWorkload("it is cut short");
  if (checksum_hex(bytes_of_array(array)) != section.at("checksum")) throw DamagedWorkload("its checksum does not match");
}

}  // namespace

void write_workload(std::ostream& out, const Workload& w, const std::string& key) {
  Json head = {{"key", key},
               {"name", w.name},
               {"format", w.format},
               {"sha256", w.sha256},
               {"block_tokens", w.block_tokens},
               {"session_count", w.session_count},
               {"recorded_tick_ps", w.recorded_tick.count},
               {"notes", Json::array()},
               {"sections", Json::array()}};
  for (const WorkloadNote& n : w.notes) head["notes"].push_back({n.what, n.rows});
  each_array(w, [&](const auto& array) {
    const std::string_view bytes = bytes_of_array(array);
    head["sections"].push_back({{"bytes", bytes.size()}, {"checksum", checksum_hex(bytes)}});
  });
  const std::string line = head.dump();
  out << checksum_hex(line) << '\n' << line << '\n';
  each_array(w, [&](const auto& array) {
    const std::string_view bytes = bytes_of_array(array);
    out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  });
}

Workload read_workload(std::istream& in, const std::string& key) {
  const std::string sum = line_of(in, "first line"), line = line_of(in, "head");
  if (checksum_hex(line) != sum) throw DamagedWorkload("the checksum of its head does not match");
  const Json head = Json::parse(line);
  if (head.at("key") != key) throw DamagedWorkload("it belongs to another load");
  Workload w;
  w.name = head.at("name");
  w.format = head.at("format");
  w.sha256 = head.at("sha256");
  w.block_tokens = head.at("block_tokens");
  w.session_count = head.at("session_count");
  w.recorded_tick = Time(head.at("recorded_tick_ps").get<std::int64_t>());
  for (const Json& n : head.at("notes")) w.notes.push_back({n.at(0), n.at(1)});
  std::size_t next = 0;
  each_array(w, [&](auto& array) { read_array(in, head.at("sections").at(next++), array); });
  if (in.peek() != std::istream::traits_type::eof()) throw DamagedWorkload("more follows its end");
  return w;
}

std::int64_t bytes_of(const Workload& w) {
  std::size_t bytes = 0;
  each_array(w, [&](const auto& array) { bytes += bytes_of_array(array).size(); });
  return static_cast<std::int64_t>(bytes);
}

}  // namespace kvplan
