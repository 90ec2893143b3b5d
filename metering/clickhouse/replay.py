"""The queries of an answer, noted while it is made and then asked again by the bare driver."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from clickhouse_driver import Client

from metering.clickhouse.connection import open_client


@dataclass(frozen=True, slots=True)
class Query:
    """A query as it was asked."""

    sql: str
    params: Any
    settings: Any


@contextmanager
def noted() -> Iterator[list[Query]]:
    """Note every SELECT of this process, whichever thread asks it."""
    found: list[Query] = []
    execute = Client.execute

    def note(client: Client, sql: str, params: Any = None, *args: Any, **options: Any) -> Any:
        if sql.lstrip().startswith(("SELECT", "WITH")):
            found.append(Query(sql, params, options.get("settings")))
        return execute(client, sql, params, *args, **options)

    with patch.object(Client, "execute", note):
        yield found


def bare_seconds(queries: list[Query]) -> float:
    """How long the driver alone takes for them, one after the other, over one open connection."""
    with open_client() as client:
        client.execute("SELECT 1")
        begun = time.perf_counter()
        for query in queries:
            client.execute(query.sql, query.params, settings=query.settings)
        return time.perf_counter() - begun
