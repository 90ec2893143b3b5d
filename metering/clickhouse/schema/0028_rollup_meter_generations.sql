-- 0028_rollup_meter_generations.sql
-- Which generation of a local day's rows in rollup_meter_days is valid: the highest, or for whoever
-- asks as of a watermark the highest that begins before it; a generation begins with the watermark
-- it was derived as of. Named after its rows are written. Beside it what needs no dimension.
CREATE TABLE IF NOT EXISTS rollup_meter_generations
(
    tenant UInt64,
    day Date,
    generation UInt64,
    active_agents UInt64,
    agent_events UInt64,
    delivering_agents UInt64,
    delivered_tasks UInt64,
    succeeded_tasks UInt64
)
-- The generation is part of the key, so that a newer one does not take an older one away from
-- whoever is closing as of a moment between the two.
ENGINE = ReplacingMergeTree
ORDER BY (tenant, day, generation)
