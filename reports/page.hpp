// A report before it has a form: sections of sentences, tables and figures, which
// HTML and Markdown render alike. A figure never stands alone: it has a reading in
// one sentence, and a table with the numbers that it shows.
#pragma once

#include <string>
#include <vector>

#include "reports/cells.hpp"

namespace kvplan {

struct Grid {
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;  // the first cell of each names the row
};

struct Chart {
  std::string id;  // of its element in the page: "ttft-parts"
  std::string title;
  std::string reading;  // one sentence: what it shows
  Json spec;            // Vega-Lite
  Grid table;
};

// What is copied out as it stands: the flags of a server.
struct Listing {
  std::string title, text;
};

struct Section {
  std::string id, title;
  std::vector<std::string> sentences = {};
  std::vector<std::string> points = {};  // a list
  Grid table = {};                       // may be empty
  std::vector<Chart> charts = {};
  std::vector<std::string> more = {};  // a list that the page keeps folded
  std::vector<Listing> listings = {};
};

struct Page {
  std::string title;
  std::vector<Section> sections;  // verdict and recommendation first
};

struct ReportInputs {
  std::vector<Column> columns;        // names are unique
  std::vector<Json> plans;            // kvplan.plan documents
  std::vector<Json> comparisons;      // {a, b, figures} of runs of one load, as kvplan.compare has them
  std::vector<std::string> warnings;  // what a reader of the whole must know
};

Page page_of(const ReportInputs&);

std::string page_html(const Page&);
std::string page_markdown(const Page&);

// Why this build's pages have no charts; empty when they have.
std::string no_charts_reason();

}  // namespace kvplan
