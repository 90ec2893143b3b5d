"""The yardstick of `bench efficiency`: calls with prefix blocks made in the store, bare scans."""

from pathlib import Path

from clickhouse_driver import Client

from metering.clickhouse.embedded.launch import ensure_running, running_pid, stop

BLOCK_TOKENS = 512
# A session has sixteen turns, each with four blocks more than the one before, the first with two:
# 32 on average. Four sessions take turns, and eight blocks at the beginning are those of one of a
# hundred system prompts.
TURNS, SESSIONS_AT_ONCE, PROMPTS = 16, 4, 100
CALLS_AT_ONCE = TURNS * SESSIONS_AT_ONCE
BLOCKS_PER_CALL = 32
_DAY = 86_400_000_000
_START = 1_790_812_800_000_000  # 2026-10-01 in µs

_GENERATE = """
    INSERT INTO events (tenant, type, time, source, id, identity, content, commit, agent, model,
        modality, attempt, input_tokens, prefix_blocks, block_tokens)
    SELECT %(tenant)s, 'agent.tokens',
        fromUnixTimestamp64Micro(toInt64(%(start)s + number * %(gap)s)),
        'bench', leftPad(toString(number), 12, '0'), cityHash64(number), 1, 1,
        concat('agent-', toString(modulo(session, 1000))), 'bench-model', 'text', 1,
        length(prefix_blocks) * %(block_tokens)s,
        arrayMap(
            n -> lower(hex(cityHash64(if(n < 8, modulo(session, %(prompts)s), session), n < 8, n))),
            range(2 + 4 * modulo(intDiv(number, %(at_once)s), %(turns)s))
        ) AS prefix_blocks, %(block_tokens)s
    FROM (
        SELECT number, intDiv(number, %(calls_at_once)s) * %(at_once)s + modulo(number, %(at_once)s)
            AS session
        FROM numbers(%(calls)s)
    )
"""
_EVERY_BLOCK = "FROM events ARRAY JOIN prefix_blocks AS block WHERE tenant = %(tenant)s"


class BlockStore:
    """The event store of an installation under measurement, and its first tenant."""

    def __init__(self, folder: Path, tenant: int) -> None:
        self._folder, self._tenant = folder, {"tenant": tenant}
        self._open()

    def _open(self) -> None:
        self._client = Client.from_url(ensure_running(self._folder))
        self.pid = running_pid(self._folder)

    def restart(self) -> None:
        """Another process, whose memory does not remember how the calls were made."""
        self.close()
        stop(self._folder)
        self._open()

    def generate(self, calls: int) -> int:
        """One day of calls, evenly spread; returns how many blocks they carry."""
        bound = self._tenant | {
            "start": _START,
            "gap": _DAY // calls,
            "calls": calls,
            "block_tokens": BLOCK_TOKENS,
            "turns": TURNS,
            "at_once": SESSIONS_AT_ONCE,
            "calls_at_once": CALLS_AT_ONCE,
            "prompts": PROMPTS,
        }
        self._client.execute(_GENERATE, bound)
        sql = "SELECT sum(length(prefix_blocks)) FROM events WHERE tenant = %(tenant)s"
        return int(self._client.execute(sql, self._tenant)[0][0])

    def scan(self) -> None:
        """Look at every block and do nothing with it."""
        self._client.execute(f"SELECT count(), sum(cityHash64(block)) {_EVERY_BLOCK}", self._tenant)

    def distinct(self) -> None:
        """Count the distinct blocks, all of them held in memory."""
        self._client.execute(f"SELECT uniqExact(block) {_EVERY_BLOCK}", self._tenant)

    def reusable_tokens(self) -> int:
        """What the rollup found."""
        sql = "SELECT sum(reusable_tokens) FROM rollup_calls WHERE tenant = %(tenant)s"
        return int(self._client.execute(sql, self._tenant)[0][0])

    def close(self) -> None:
        self._client.disconnect()
