"""The numbers computed the slow and obvious way, from a list of CloudEvents in Python."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from metering.usage.active import ActiveDay
from metering.usage.efficiency import TokenSums
from metering.usage.period import Period

Event = dict[str, Any]
Place = tuple[datetime, str, str]


def place(event: Event) -> Place:
    """Where an event stands in the order of the product."""
    return moment(event["time"]), event["source"], event["id"]


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def tokens(event: Event, name: str) -> int:
    return int(event["data"].get(f"{name}_tokens", 0))


def of_type(events: Iterable[Event], kind: str) -> list[Event]:
    return sorted((e for e in events if e["type"] == kind), key=place)


def outcomes(events: Iterable[Event]) -> dict[str, Event]:
    """The last agent.task event of each task."""
    return {event["data"]["task"]: event for event in of_type(events, "agent.task")}


def sums(
    events: list[Event], period: Period, group: Callable[[Event], str], window: timedelta
) -> dict[str, TokenSums]:
    """TokenSums of the period's calls, by group."""
    calls = of_type(events, "agent.tokens")
    ended = {task: event["data"]["status"] for task, event in outcomes(events).items()}
    found: dict[str, TokenSums] = defaultdict(TokenSums)
    for nth, call in enumerate(calls):
        if moment(call["time"]) in period:
            status = ended.get(call["data"].get("task", ""), "")
            found[group(call)] += _of_call(call, _reusable(call, calls[:nth], window), status)
    return dict(found)


def _reusable(call: Event, earlier: list[Event], window: timedelta) -> int:
    """Tokens of the leading blocks that an earlier call of the same model carried in the window."""
    carried = {
        block
        for other in earlier
        if other["data"]["model"] == call["data"]["model"]
        and moment(call["time"]) - moment(other["time"]) <= window
        for block in other["data"].get("prefix_blocks", [])
    }
    leading = 0
    for block in call["data"].get("prefix_blocks", []):
        if block not in carried:
            break
        leading += 1
    block_tokens = int(call["data"].get("block_tokens", 0))
    return min(leading * block_tokens, _prompt(call))


def _prompt(call: Event) -> int:
    return sum(tokens(call, name) for name in ("input", "cache_read", "cache_write"))


def _of_call(call: Event, reusable: int, status: str) -> TokenSums:
    repeated = max(0, reusable - tokens(call, "cache_read"))
    rest = _prompt(call) + tokens(call, "output") - repeated
    failed = status in {"failed", "cancelled"}
    retried = call["data"].get("attempt", 1) > 1 and not failed
    return TokenSums(
        requests=1,
        input_tokens=tokens(call, "input"),
        cache_read_tokens=tokens(call, "cache_read"),
        cache_write_tokens=tokens(call, "cache_write"),
        cache_write_long_tokens=tokens(call, "cache_write_long"),
        output_tokens=tokens(call, "output"),
        reasoning_tokens=tokens(call, "reasoning"),
        reusable_tokens=reusable,
        repeated_tokens=repeated,
        failed_tokens=rest if failed else 0,
        retried_tokens=rest if retried else 0,
    )


def local_day(event: Event, zone: str) -> date:
    return moment(event["time"]).astimezone(ZoneInfo(zone)).date()


def active_days(events: Iterable[Event], zone: str) -> dict[date, set[str]]:
    """The agents with any event, by day."""
    found: dict[date, set[str]] = defaultdict(set)
    for event in events:
        if event.get("subject"):
            found[local_day(event, zone)].add(event["subject"])
    return found


ByDay = dict[date, set[str]]


def succeeded(events: Iterable[Event]) -> list[Event]:
    """The outcomes that are a success."""
    return [last for last in outcomes(events).values() if last["data"]["status"] == "succeeded"]


def delivering_days(
    done: Iterable[Event], zone: str, min_tasks: int, *, sub_agents: bool = False
) -> ByDay:
    """The agents with enough of the succeeded tasks, by day; or the sub-agents of them."""
    tasks: dict[tuple[date, str], list[Event]] = defaultdict(list)
    for last in done:
        tasks[local_day(last, zone), last["subject"]].append(last)
    found: ByDay = defaultdict(set)
    for (day, agent), some in tasks.items():
        parents = [task["data"].get("parent_task") for task in some]
        if len(some) >= min_tasks and (any(parents) or not sub_agents):
            found[day].add(agent)
    return found


def sub_agent_days(events: Iterable[Event], zone: str) -> ByDay:
    """The agents with an agent.task event that names a parent, by day."""
    reports = [e for e in of_type(events, "agent.task") if e["data"].get("parent_task")]
    return active_days(reports, zone)


def daa(events: list[Event], days: list[date], zone: str, min_tasks: int) -> list[ActiveDay]:
    subs = sub_agent_days(events, zone)
    return _fleet(active_days(events, zone), subs, succeeded(events), days, zone, min_tasks)


def daa_by(
    events: list[Event], days: list[date], zone: str, min_tasks: int, name: str
) -> list[tuple[str, ActiveDay]]:
    """Each value as a fleet of its own; days without anything are left out."""
    subs, done = sub_agent_days(events, zone), succeeded(events)
    found = []
    for value in {value_of(event, name) for event in events} - {""}:
        bearing = [event for event in events if value_of(event, name) == value]
        if name.startswith("labels."):
            tasks = [last for last in done if value_of(last, name) == value]
        else:
            names = {event["data"].get("task") for event in bearing}
            tasks = [last for last in done if last["data"]["task"] in names]
        fleet = _fleet(active_days(bearing, zone), subs, tasks, days, zone, min_tasks)
        found += [(value, day) for day in fleet if day != ActiveDay(date=day.date)]
    return sorted(found, key=lambda row: (row[1].date, row[0]))


def value_of(event: Event, name: str) -> str:
    """The event's model, region or label; empty without one."""
    if name.startswith("labels."):
        return str(event["data"].get("labels", {}).get(name.removeprefix("labels."), ""))
    return str(event["data"].get(name, ""))


def _fleet(
    active: ByDay, subs: ByDay, done: list[Event], days: list[date], zone: str, min_tasks: int
) -> list[ActiveDay]:
    delivering = delivering_days(done, zone, min_tasks)
    sub_agents = delivering_days(done, zone, min_tasks, sub_agents=True)
    tasks = [(local_day(last, zone), last["subject"]) for last in done]
    rows = []
    for day in days:
        here = active.get(day, set())
        gone = [_days_since(active, agent, day) for agent in here]
        before = union(active, day - timedelta(days=28), day)
        rows.append(
            ActiveDay(
                date=day,
                active=len(here),
                active_sub_agents=len(here & subs.get(day, set())),
                delivering=len(delivering.get(day, set())),
                delivering_sub_agents=len(sub_agents.get(day, set())),
                new=gone.count(None),
                returning=sum(days is not None and days < 28 for days in gone),
                resurrected=sum(days is not None and days >= 28 for days in gone),
                dormant=len(before - here),
                waa=len(union(delivering, day - timedelta(days=6), day + timedelta(days=1))),
                maa=len(union(delivering, day - timedelta(days=29), day + timedelta(days=1))),
                succeeded_tasks=sum(
                    d == day and agent in delivering.get(day, set()) for d, agent in tasks
                ),
            )
        )
    return rows


def retention(
    events: list[Event], start: date, end: date, zone: str, min_tasks: int
) -> dict[date, list[int]]:
    """By the Monday of agents' first delivering day, from `start` on, how many delivered since."""
    weeks: dict[str, set[date]] = defaultdict(set)
    for day, agents in delivering_days(succeeded(events), zone, min_tasks).items():
        for agent in agents if day < end else ():
            weeks[agent].add(day - timedelta(days=day.weekday()))
    found: dict[date, list[int]] = {}
    for first in sorted({min(mondays) for mondays in weeks.values()}):
        if first < start - timedelta(days=start.weekday()):
            continue
        cohort = [mondays for mondays in weeks.values() if min(mondays) == first]
        later = [first + timedelta(days=7 * n) for n in range(1000)]
        found[first] = [sum(week in mondays for mondays in cohort) for week in later if week < end]
    return found


def _days_since(active: dict[date, set[str]], agent: str, today: date) -> int | None:
    """Days since the agent was last active before today; None if it never was."""
    earlier = [day for day, agents in active.items() if agent in agents and day < today]
    return (today - max(earlier)).days if earlier else None


def union(by_day: dict[date, set[str]], start: date, end: date) -> set[str]:
    """The agents of the days from start to before end."""
    return {agent for day, agents in by_day.items() if start <= day < end for agent in agents}


def chip_seconds(event: Event) -> Decimal:
    data = event["data"]
    length = moment(data["ended_at"]) - moment(data["started_at"])
    return Decimal(str(data.get("count", 1))) * (length // timedelta(microseconds=1)) / 1_000_000


def repeat_work(
    events: list[Event], period: Period, group: Callable[[Event], str]
) -> dict[str, tuple[int, int]]:
    """By group: the tasks that succeeded in the period, and those another had succeeded with."""
    done = sorted(
        (last for last in outcomes(events).values() if last["data"]["status"] == "succeeded"),
        key=place,
    )
    found: dict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for nth, task in enumerate(done):
        if moment(task["time"]) in period:
            mark = task["data"].get("fingerprint", "")
            again = bool(mark) and mark in [t["data"].get("fingerprint") for t in done[:nth]]
            succeeded, repeated = found[group(task)]
            found[group(task)] = succeeded + 1, repeated + again
    return dict(found)


def cache_use(
    events: list[Event], period: Period, group: Callable[[Event], str]
) -> dict[tuple[str, str, str], tuple[int, int, int]]:
    """By group, cache and model: look-ups, hits, and the tokens that hits saved."""
    found: dict[tuple[str, str, str], tuple[int, int, int]] = defaultdict(lambda: (0, 0, 0))
    for event in of_type(events, "agent.cache"):
        if moment(event["time"]) in period:
            data = event["data"]
            key = group(event), data["cache"], data.get("model", "")
            lookups, hits, saved = found[key]
            more = data.get("saved_tokens", 0) if data["hit"] else 0
            found[key] = lookups + 1, hits + data["hit"], saved + more
    return dict(found)
