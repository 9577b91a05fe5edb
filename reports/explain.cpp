#include "reports/explain.hpp"

#include <fmt/format.h>

#include <cmath>

#include "reports/cells.hpp"
#include "reports/totals.hpp"

namespace kvplan {
namespace {

Json load_json(const LifeLoad& load, Time arrival) {
  const auto ns = [&](Time t) { return (t - arrival).count / kPsPerNs; };
  return {{"from", load.tier},
          {"blocks", load.blocks},
          {"bytes_per_gpu", load.bytes},
          {"asked_ns", ns(load.asked)},
          {"starts_ns", ns(load.starts)},
          {"ends_ns", ns(load.moved)},
          {"lost", load.lost},
          {"alone_ns", load.alone.count / kPsPerNs},
          {"transfers_ahead", load.ahead},
          {"beside_loads_of", load.beside},
          {"beside_stores", load.beside_writes}};
}

Json life_json(const Life& life, bool from_events) {
  const KeptRequest& r = life.request;
  Json j = {{"turn", r.turn},
            {"session", r.session},
            {"continues", r.continues == kNone ? Json(nullptr) : Json(r.continues)},
            {"outcome", name_of(r.outcome)},
            {"prompt_tokens", r.prompt_tokens},
            {"output_tokens", r.output_tokens}};
  if (r.outcome == Outcome::refused) j["refusal"] = name_of(r.refusal);
  if (r.outcome != Outcome::completed) return j;
  const auto ns = [&](Time t) { return (t - r.arrival).count / kPsPerNs; };
  j["replica"] = r.replica;
  j["arrival_s"] = seconds(r.arrival);
  j["ttft_ns"] = ns(r.first_token);
  j["e2e_ns"] = ns(r.finish);
  j["preemptions"] = r.preemptions;
  j["hit_tokens"] = {{"hbm", r.hit_g1_tokens},
                     {"dram", r.hit_g2_tokens},
                     {"ssd", r.hit_beyond_tokens[0]},
                     {"remote", r.hit_beyond_tokens[1]}};
  j["computed_tokens"] = r.computed_tokens;
  j["recomputed_tokens"] = r.recomputed_tokens;
  j["recompute_in_prefill_ns"] = r.recompute.count / kPsPerNs;
  j["spans"] = Json::array();
  for (const LifeSpan& s : life.spans) {
    j["spans"].push_back(
        {{"part", name_of(s.part)}, {"from_ns", ns(s.from)}, {"for_ns", ns(s.to) - ns(s.from)}, {"words", s.words}});
  }
  j["loads"] = Json::array();
  for (const LifeLoad& load : life.loads) j["loads"].push_back(load_json(load, r.arrival));
  if (from_events) {
    j["recompute_alone_ns"] = {{"cached", life.recompute_cached.count / kPsPerNs},
                               {"loaded", life.recompute_loaded.count / kPsPerNs}};
  }
  return j;
}

// To the nanosecond, in milliseconds: 1,234.567890 ms.
std::string ms(std::int64_t ns) {
  return fmt::format("{}.{:06} ms", human_count(static_cast<double>(ns / 1'000'000)), ns % 1'000'000);
}

std::string short_time(const Json& ns) { return human_seconds(ns.get<double>() / 1e9); }

std::string tokens(const Json& n) { return human_count(n.get<double>()); }

std::string title(const Json& r) {
  std::string text = fmt::format("Request {} of session {}", r["turn"].get<int>(), r["session"].get<int>());
  if (!r["continues"].is_null()) text += fmt::format(", behind request {}", r["continues"].get<int>());
  text += fmt::format(": {} prompt tokens, {} output tokens", tokens(r["prompt_tokens"]), tokens(r["output_tokens"]));
  if (r["outcome"] == "refused") text += fmt::format("; refused ({})", r["refusal"].get<std::string>());
  if (r["outcome"] == "unfinished") text += "; not finished when the run ended";
  if (r["outcome"] != "completed") return text + "\n";
  return text +
         fmt::format("; arrived at {:.3f} s on replica {}\n", r["arrival_s"].get<double>(), r["replica"].get<int>());
}

std::string spans_text(const Json& r) {
  std::string text = fmt::format("  {:>18}  {:>18}  {:<9}  {}\n", "after arrival", "for", "part", "");
  bool answered = false;
  std::int64_t sum = 0;
  const auto first_token = [&] {
    answered = true;
    text += fmt::format("  {:>18}  {:>18}  first token: TTFT, the sum of the parts above\n", ms(r["ttft_ns"]), ms(sum));
  };
  for (const Json& s : r["spans"]) {
    if (s["part"] == "decode" && !answered) first_token();
    sum += s["for_ns"].get<std::int64_t>();
    text += fmt::format("  {:>18}  {:>18}  {:<9}  {}\n", ms(s["from_ns"]), ms(s["for_ns"]),
                        s["part"].get<std::string>(), s["words"].get<std::string>());
  }
  if (!answered) first_token();
  return text + fmt::format("  {:>18}  {:>18}  end: E2E\n", ms(r["e2e_ns"]), ms(sum));
}

std::string hits_text(const Json& r) {
  std::string found;
  const std::pair<const char*, const char*> kTiers[] = {
      {"hbm", "in HBM"}, {"dram", "in DRAM"}, {"ssd", "on SSD"}, {"remote", "in the remote store"}};
  for (const auto& [key, words] : kTiers) {
    if (r["hit_tokens"][key] > 0)
      found += fmt::format("{}{} {}", found.empty() ? "" : ", ", tokens(r["hit_tokens"][key]), words);
  }
  std::string text = fmt::format("  Cached: {}. Computed: {} tokens", found.empty() ? "nothing" : found + " (tokens)",
                                 tokens(r["computed_tokens"]));
  if (r["recomputed_tokens"] > 0) {
    text += fmt::format(", {} of them computed before and lost ({} of the prefill)", tokens(r["recomputed_tokens"]),
                        short_time(r["recompute_in_prefill_ns"]));
  }
  return text + ".\n";
}

// The first few of those it met; all are in the JSON.
std::string neighbours(const Json& load) {
  std::string text;
  const Json& turns = load["beside_loads_of"];
  constexpr std::size_t kShown = 5;
  for (std::size_t i = 0; i < std::min(turns.size(), kShown); ++i)
    text += fmt::format("{}{}", i == 0 ? "" : ", ", turns[i].get<int>());
  if (turns.size() > kShown) text += fmt::format(" and {} more", turns.size() - kShown);
  if (!text.empty()) text = (turns.size() == 1 ? "the load of request " : "the loads of requests ") + text;
  const auto stores = load["beside_stores"].get<int>();
  if (stores > 0) text += fmt::format("{}{} {}", text.empty() ? "" : " and ", stores, stores == 1 ? "store" : "stores");
  return text.empty() ? "nobody else on its links" : "beside " + text;
}

std::string loads_text(const Json& r) {
  std::string text;
  for (const Json& load : r["loads"]) {
    const auto waited = load["starts_ns"].get<std::int64_t>() - load["asked_ns"].get<std::int64_t>();
    const bool lost = load["lost"].get<bool>();
    const char* began = load["starts_ns"] == load["ends_ns"] ? "Was to load" : "Began to load";
    text += fmt::format(
        "  {} {} {} from {} ({} for each GPU){} {}, alone {}: {}", lost ? began : "Loaded",
        tokens(load["blocks"]), load["blocks"] == 1 ? "block" : "blocks", load["from"].get<std::string>(),
        human_bytes(load["bytes_per_gpu"].get<double>()), lost ? ", lost with the node after" : " in",
        human_seconds(static_cast<double>(load["ends_ns"].get<std::int64_t>() - load["starts_ns"].get<std::int64_t>()) /
                      1e9),
        short_time(load["alone_ns"]), neighbours(load));
    if (waited > 0) {
      text += fmt::format(
          "; waited {} for {} on its route", human_seconds(static_cast<double>(waited) / 1e9),
          load["transfers_ahead"] == 1 ? "the transfer" : fmt::format("{} transfers", tokens(load["transfers_ahead"])));
    }
    text += ".\n";
  }
  if (!r.contains("recompute_alone_ns")) return text;
  const Json& again = r["recompute_alone_ns"];
  if (again["cached"] > 0) {
    text += fmt::format("  To compute what was cached again would take {} with the machine to itself",
                        short_time(again["cached"]));
    if (again["loaded"] > 0 && again["loaded"] != again["cached"])
      text += fmt::format(", {} of it what was loaded", short_time(again["loaded"]));
    text += ".\n";
  }
  return text;
}

// How often the run loaded, and what that saved; "" where nothing below HBM was ever of use.
std::string choices_text(const Json& c) {
  if (c.is_null()) return "";
  const auto count = [&](const char* key) { return c[key].get<std::int64_t>(); };
  const std::int64_t loaded = count("loaded_requests"), computed = count("recomputed_requests"),
                     both = count("partial_requests");
  if (loaded + computed + both == 0) return "";
  std::string text = fmt::format(
      "\nIn the whole run {} requests loaded what a tier below HBM had of their prompt, {} computed it again, and {} "
      "did both.\n",
      human_count(static_cast<double>(loaded)), human_count(static_cast<double>(computed)),
      human_count(static_cast<double>(both)));
  const double loading_s = c["estimated_s_saved_against_loading"].get<double>(),
               computing_s = c["estimated_s_saved_against_recomputing"].get<double>();
  if (loading_s == 0 && computing_s == 0) return text;  // who always loads estimates nothing
  const auto saved = [](double s) {
    return fmt::format("{} {}", human_seconds(std::abs(s)), s < 0 ? "lost" : "saved");
  };
  return text + fmt::format(
                    "{} tokens that a tier had were computed. Estimated as each was admitted: {} against always "
                    "loading, {} against always computing.\n",
                    human_count(static_cast<double>(count("recomputed_tokens"))), saved(loading_s), saved(computing_s));
}

}  // namespace

Json explain_document(const std::vector<Life>& lives, bool from_events, Json load_choice) {
  Json d = {{"schema", "kvplan.explain/1"}, {"from_events", from_events}, {"requests", Json::array()}};
  for (const Life& life : lives) d["requests"].push_back(life_json(life, from_events));
  d["load_choice"] = std::move(load_choice);
  return d;
}

std::string explain_text(const Json& document) {
  std::string text;
  for (const Json& r : document["requests"]) {
    text += (text.empty() ? "" : "\n") + title(r);
    if (r["outcome"] == "completed") text += spans_text(r) + hits_text(r) + loads_text(r);
  }
  return text + choices_text(document["load_choice"]);
}

}  // namespace kvplan
