// The sections of a report, each from the columns that it is about. A section
// that has nothing to tell has no sentence, table or chart, and is left out.
#pragma once

#include "reports/page.hpp"

namespace kvplan {

// The column to recommend: of those that meet all targets, then of those that are stable, then of all,
// the one with the cheapest output token; null when none has a completed request.
const Column* recommended(const std::vector<Column>&);

Section verdict_section(const ReportInputs&);
// Of a kvplan.plan document, the `number`-th of the page, from 0.
std::vector<Section> plan_sections(const Json& plan, std::size_t number);
Section load_section(const Column&);
Section targets_section(const std::vector<Column>&);
Section parts_section(const std::vector<Column>&, const Column& focus);
Section latency_section(const std::vector<Column>&);
Section tiers_section(const Column&);
Section use_section(const std::vector<Column>&, const Column& focus);
Section chance_section(const ReportInputs&);  // is a difference more than chance?
Section memory_section(const std::vector<Column>&);
Section users_section(const std::vector<Column>&);
Section pareto_section(const std::vector<Column>&);
Section sensitivity_section(const std::vector<Column>&);
Section break_even_section(const Column&);
Section figures_section(const std::vector<Column>&);
Section provenance_section(const ReportInputs&);

// The number at a pointer of a column's document, or nothing.
std::optional<double> number_at(const Column&, const std::string& pointer);
std::string text_at(const Column&, const std::string& pointer);  // "" where there is none
std::string seconds_or_dash(std::optional<double>);
std::string percent(std::optional<double>);

}  // namespace kvplan
