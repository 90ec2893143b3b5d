-- 0027_rollup_meter_days.sql
-- What each tenant used on each of its local days, for closing months: one row for each combination
-- of what a meter can filter and group by, with sums that cannot wrap around. Rows of a day are
-- written under a generation and named last; see 0028_rollup_meter_generations.sql.
CREATE TABLE IF NOT EXISTS rollup_meter_days
(
    tenant UInt64,
    -- Every day is there twice: with `source` and `labels` told apart, and without, which is short
    -- even where each event has a label of its own.
    fine Bool,
    day Date,
    generation UInt64,
    type LowCardinality(String),
    source LowCardinality(String),
    labels Map(LowCardinality(String), String),
    status LowCardinality(String),
    provider LowCardinality(String),
    model LowCardinality(String),
    modality LowCardinality(String),
    service_tier LowCardinality(String),
    cache LowCardinality(String),
    chip LowCardinality(String),
    phase LowCardinality(String),
    region LowCardinality(String),
    tool LowCardinality(String),
    events UInt64,
    -- Without the further parts of calls of several modalities.
    calls UInt64,
    sum_input_tokens UInt128,
    sum_cache_read_tokens UInt128,
    sum_cache_write_tokens UInt128,
    sum_cache_write_long_tokens UInt128,
    sum_output_tokens UInt128,
    sum_reasoning_tokens UInt128,
    sum_prompt_tokens UInt128,
    sum_total_tokens UInt128,
    sum_duration_ms UInt128,
    sum_saved_tokens UInt128,
    sum_count Decimal(76, 18),
    sum_chip_seconds Decimal(76, 18),
    sum_units Decimal(76, 18),
    sum_value Decimal(76, 18),
    max_input_tokens UInt128,
    max_cache_read_tokens UInt128,
    max_cache_write_tokens UInt128,
    max_cache_write_long_tokens UInt128,
    max_output_tokens UInt128,
    max_reasoning_tokens UInt128,
    max_prompt_tokens UInt128,
    max_total_tokens UInt128,
    max_duration_ms UInt128,
    max_saved_tokens UInt128,
    max_count Decimal(76, 18),
    max_chip_seconds Decimal(76, 18),
    max_units Decimal(76, 18),
    max_value Decimal(76, 18)
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(day)
-- A close asks many tenants for one type over a month of days.
ORDER BY (tenant, fine, type, day, generation)
