-- 0018_rollup_agent_days.sql
-- One row for each agent and local day it was active on. An agent is 128 bits of SipHash over tenant
-- and name, which is what uniqExact keeps of a text; so numbers over a day need no names, and two
-- tenants' agents of one name are two.
CREATE TABLE IF NOT EXISTS rollup_agent_days
(
    tenant UInt64,
    day Date,
    generation UInt64,
    agent UInt128,
    -- Tasks whose outcome is a success on this day, and whether any of them has a parent.
    succeeded UInt32,
    delivered_sub_task Bool,
    -- Whether any agent.task event of the day names a parent.
    sub_agent Bool
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(day)
-- Days are read as ranges; within a day nobody asks for one agent, but sorted rows group faster.
ORDER BY (tenant, day, generation, agent)
