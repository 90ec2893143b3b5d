-- 0019_rollup_agent_firsts.sql
-- The first day an agent was ever active on, so that "new" does not read all days there ever were.
-- The highest generation of an agent is valid; a day that no longer has the agent does not count.
CREATE TABLE IF NOT EXISTS rollup_agent_firsts
(
    tenant UInt64,
    -- Days are local: those of another zone are other days.
    timezone LowCardinality(String),
    agent UInt128,
    first_day Date,
    generation UInt64
)
ENGINE = ReplacingMergeTree(generation)
ORDER BY (tenant, timezone, agent)
