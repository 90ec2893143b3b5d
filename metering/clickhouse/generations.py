"""Which derived rows are valid: those of the highest generation that was named, by hour or day."""

CURRENT = (
    "tenant = %(tenant)s AND (hour, generation) IN (SELECT hour, max(generation)"
    " FROM rollup_generations WHERE tenant = %(tenant)s GROUP BY hour)"
)
CURRENT_DAYS = (
    "tenant = %(tenant)s AND (day, generation) IN (SELECT day, max(generation)"
    " FROM rollup_days WHERE tenant = %(tenant)s GROUP BY day)"
)
# For every derived table: what its generations are of, and the table that names the valid one.
NAMED_BY = {
    "rollup_calls": ("hour", "rollup_generations"),
    "rollup_tasks": ("hour", "rollup_generations"),
    "rollup_agents": ("hour", "rollup_generations"),
    "rollup_agent_days": ("day", "rollup_days"),
}
