// Lines whose prompts are given as block hashes: what Mooncake's and Bailian's
// formats share. A format adds fields of its own and says what they mean.
#pragma once

#include <string>
#include <vector>

#include "traces/block_numbers.hpp"
#include "traces/json_lines.hpp"

namespace kvplan {

class HashedLines : public JsonLines {
 protected:
  // Own fields count from kOwn.
  enum Field : std::size_t { timestamp, input_length, output_length, hash_ids, kOwn };

  HashedLines(TextSource& in, const LoadOptions& options, std::int64_t ps_per_time_unit, bool timestamp_required,
              const std::vector<JsonField>& own_fields, std::string needs);

  // The value of own_fields[index - kOwn].
  virtual void read_own_field(std::size_t index, const JsonValue& value, TraceRow& row) = 0;
  // ceil(prompt / block) ids, or floor.
  void check_id_count(const TraceRow& row);
  void finish() override;

 private:
  void read_field(std::size_t index, const JsonValue& value, TraceRow& row) final;

  // A row of a sample is a row of the sampled blocks alone, and stands for itself.
  bool keep_row(TraceRow& row) override;

  void take_hashes(std::span<const std::uint64_t> hashes, TraceRow& row);

  std::int64_t ps_per_time_unit_;
  BlockNumbers numbers_;
  std::size_t listed_ = 0;      // hashes of the row, sampled or not
  bool last_sampled_ = false;   // whether the last of them is
};

}  // namespace kvplan
