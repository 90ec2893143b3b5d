-- 0007_rollup_calls.sql
-- Every model call with what only its neighbours can tell: how much of its prompt was reusable.
CREATE TABLE IF NOT EXISTS rollup_calls
(
    tenant UInt64,
    hour DateTime('UTC'),
    generation UInt64,
    time DateTime64(6, 'UTC'),
    source LowCardinality(String),
    id String,
    agent String,
    task String,
    labels Map(LowCardinality(String), String),
    provider LowCardinality(String),
    model LowCardinality(String),
    modality LowCardinality(String),
    service_tier LowCardinality(String),
    attempt UInt32,
    input_tokens UInt64,
    cache_read_tokens UInt64,
    cache_write_tokens UInt64,
    cache_write_long_tokens UInt64,
    output_tokens UInt64,
    reasoning_tokens UInt64,
    reusable_tokens UInt64
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(hour)
-- Read by tenant and range; the generation beside the hour lets whole granules of old ones be skipped.
ORDER BY (tenant, hour, generation, time, source, id)
