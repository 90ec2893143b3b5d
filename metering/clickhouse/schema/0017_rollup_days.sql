-- 0017_rollup_days.sql
-- Which generation of a local day's rows in rollup_agent_days is the valid one: the highest. Named
-- here after its rows are written, as hours are in rollup_generations. Beside it the day's agents as
-- sketches of some 98 kB at most, which merge over days and tenants where exact sets would not fit.
CREATE TABLE IF NOT EXISTS rollup_days
(
    tenant UInt64,
    day Date,
    generation UInt64,
    timezone LowCardinality(String),
    active AggregateFunction(uniqCombined64(17), UInt128),
    delivering AggregateFunction(uniqCombined64(17), UInt128)
)
-- A state is replaced with its generation and never merged into the next one: an agent that is gone
-- from a day cannot be taken out of a sketch.
ENGINE = ReplacingMergeTree(generation)
ORDER BY (tenant, day)
