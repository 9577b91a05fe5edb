// The sections of a report, each from the columns that it is about. A section
// that has nothing to tell has no sentence, table or chart, and is left out.
#pragma once

#include "reports/loads.hpp"
#include "reports/page.hpp"

namespace kvplan {

// The column to recommend, of one load: of those that serve it, then of those that meet all targets, then of those that
// are stable, then of all, the one with the cheapest output token; null when none has a completed request.
const Column* recommended(const std::vector<const Column*>&);

// Whoever refuses more than one request in twenty serves another load than the one that was asked for.
bool serves(const Column&);
// Whether its latencies may be set against others': it serves its load and is stable.
bool is_comparable(const Column&);

Section verdict_section(const ReportInputs&);
// Of a kvplan.plan document, the `number`-th of `of` on the page, from 0.
std::vector<Section> plan_sections(const Json& plan, std::size_t number, std::size_t of);
// The fleet that it recommends.
std::string plan_name(const Json& plan);
Section load_section(const Column&);
Section targets_section(const std::vector<Column>&);
Section parts_section(const std::vector<Column>&, const Column& focus);
Section latency_section(const std::vector<Column>&, const Column& focus);
Section tiers_section(const Column&);
Section use_section(const std::vector<Column>&, const Column& focus);
Section chance_section(const ReportInputs&);  // is a difference more than chance?
Section memory_section(const std::vector<Column>&);
Section users_section(const std::vector<Column>&);
Section pareto_section(const std::vector<Column>&, const Loads&);
Section sensitivity_section(const std::vector<Column>&);
Section break_even_section(const Column&);
Section figures_section(const std::vector<Column>&, const Loads&);
Section provenance_section(const ReportInputs&);

// The number at a pointer of a column's document, or nothing.
std::optional<double> number_at(const Column&, const std::string& pointer);
std::string text_at(const Column&, const std::string& pointer);  // "" where there is none
std::string seconds_or_dash(std::optional<double>);
std::string percent(std::optional<double>);

// Of the columns of which there is something to draw: the base, the focus, and the next ones, as many as can be told
// apart; and a sentence that says how many there are, where not all are drawn.
struct Drawn {
  std::vector<const Column*> columns;
  std::string words;
};
Drawn drawn_of(const std::vector<Column>&, const Column& focus, bool (*has_any)(const Column&));
// "a, b, c and 9 more"
std::string listed(const std::vector<std::string>& names);

}  // namespace kvplan
