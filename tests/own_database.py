"""A database of a test's own, for what several workers do at once or one that is killed.

A script of the tests runs on it as a process by itself: pytest's own database is one transaction.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from django.conf import settings

POSTGRES = os.environ.get("TEST_POSTGRES_URL", "postgres://postgres@127.0.0.1:5432/postgres")
# A parameter for each kind of database, for `pytest.fixture(params=…)`.
KINDS = ("sqlite", pytest.param("postgresql", marks=pytest.mark.services))
Script = Callable[..., str]


@contextmanager
def own_database(kind: str, folder: Path) -> Iterator[Script]:
    """A migrated database; gives what runs a module of the tests on it: `script("a.b", "word")`."""
    with _url(kind, folder) as url:
        environment = os.environ | {"DATABASE_URL": url, "DATA_DIR": str(settings.DATA_DIR)}

        def run(*words: str) -> str:
            done = subprocess.run(
                [sys.executable, *words],
                cwd=settings.BASE_DIR,
                env=environment,
                text=True,
                capture_output=True,
                timeout=180,
                check=False,
            )
            assert done.returncode == 0, done.stderr
            return done.stdout

        run("manage.py", "migrate", "-v0")
        yield lambda *words: run("-m", *words)


@contextmanager
def _url(kind: str, folder: Path) -> Iterator[str]:
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'own.sqlite3'}"
        return
    name = f"daybook_own_{os.getpid()}"
    try:
        admin = psycopg.connect(POSTGRES, autocommit=True, connect_timeout=5)
    except psycopg.OperationalError:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"no PostgreSQL at {urlsplit(POSTGRES).netloc}; set TEST_POSTGRES_URL")
    with admin:
        admin.execute(f"CREATE DATABASE {name}".encode())
        yield urlsplit(POSTGRES)._replace(path=f"/{name}").geturl()
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
