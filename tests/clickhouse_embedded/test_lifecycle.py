"""One server a folder, for as long as somebody needs it, whatever happens to it."""

import fcntl
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from clickhouse_driver import Client
from clickhouse_driver.errors import Error as DriverError

from metering.clickhouse.embedded import launch
from metering.clickhouse.embedded.errors import EmbeddedError


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Path]:
    """A folder of the test's own."""
    folder = tmp_path / "own"
    yield folder
    launch.stop(folder)


def count(url: str, table: str) -> int:
    client = Client.from_url(url)
    try:
        return int(client.execute(f"SELECT count() FROM {table}")[0][0])
    finally:
        client.disconnect()


def wait_until_ended(folder: Path, seconds: float) -> float:
    start = time.monotonic()
    while launch._is_locked(folder):
        assert time.monotonic() - start < seconds
        time.sleep(0.02)
    return time.monotonic() - start


def test_who_calls_at_once_gets_one_server(own: Path) -> None:
    own.mkdir()
    spawn = multiprocessing.get_context("spawn")
    with spawn.Pool(3) as pool:
        urls = pool.map(launch.ensure_running, [own] * 3)
    assert len(set(urls)) == 1
    assert launch.ensure_running(own) == urls[0]


def test_an_address_is_private_and_a_stale_one_is_not_believed(own: Path) -> None:
    url = launch.ensure_running(own)
    address = (own / "address").read_text()
    assert (own / "address").stat().st_mode & 0o777 == 0o600
    pid = launch.running_pid(own)
    assert json.loads(address) == {"url": url, "pid": pid}
    launch.stop(own)
    assert launch.running_pid(own) is None
    assert not (own / "address").exists()
    (own / "address").write_text(address)
    assert launch.running_pid(own) is None
    assert launch.ensure_running(own) != url


def test_sigterm_ends_it_clean_and_what_was_stored_stays(own: Path) -> None:
    url = launch.ensure_running(own)
    client = Client.from_url(url)
    client.execute("CREATE TABLE t (a UInt8) ENGINE = MergeTree ORDER BY a")
    client.execute("INSERT INTO t VALUES", [(1,)])
    start = time.monotonic()
    launch.stop(own)
    assert time.monotonic() - start < 4  # an idle client does not hold it up
    assert not (own / "address").exists()
    assert (own / "server.log").read_text() == ""
    client.disconnect()
    assert count(launch.ensure_running(own), "t") == 1


def test_sigterm_lets_a_running_query_finish(own: Path) -> None:
    client = Client.from_url(launch.ensure_running(own))
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(client.execute, "SELECT sleep(1.5)")
        time.sleep(0.3)
        launch.stop(own)
        assert answer.result() == [(0,)]
    client.disconnect()


def test_sigterm_cancels_what_does_not_finish(own: Path) -> None:
    client = Client.from_url(launch.ensure_running(own))
    endless = "SELECT count() FROM numbers(1000000000000) WHERE NOT ignore(sipHash64(number))"
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(client.execute, endless)
        time.sleep(0.3)
        launch.stop(own, timeout=9)
        assert isinstance(answer.exception(), (DriverError, EOFError, OSError))
    client.disconnect()


def test_its_times_are_utc_in_another_zone(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    client = Client.from_url(launch.ensure_running(own))
    assert client.execute("SELECT timezone(), toString(toDateTime(0))") == [
        ("UTC", "1970-01-01 00:00:00")
    ]
    client.disconnect()


def test_the_exit_code_is_zero_after_sigterm(own: Path) -> None:
    command = [sys.executable, "-m", "metering.clickhouse.embedded", str(own)]
    with subprocess.Popen(command) as server:
        while launch.running_pid(own) is None:
            time.sleep(0.02)
        server.send_signal(signal.SIGTERM)
        assert server.wait(timeout=10) == 0


def test_it_leaves_when_the_last_client_has_left(own: Path) -> None:
    url = launch.ensure_running(own, linger=1)
    client = Client.from_url(url)
    client.execute("SELECT 1")
    time.sleep(1.5)
    assert client.execute("SELECT 1") == [(1,)]
    client.disconnect()
    assert 0.5 < wait_until_ended(own, 5) < 4
    assert count(launch.ensure_running(own, linger=1), "system.one") == 1


def test_nothing_acknowledged_is_lost_by_kill_9(own: Path) -> None:
    url = launch.ensure_running(own)
    client = Client.from_url(url)
    client.execute("CREATE TABLE t (who UInt8, n UInt32) ENGINE = MergeTree ORDER BY (who, n)")
    client.disconnect()
    acknowledged = [0] * 4

    def insert(who: int) -> None:
        mine = Client.from_url(url + ("?compression=lz4" if who % 2 else ""))
        try:
            while True:
                start = acknowledged[who]
                mine.execute("INSERT INTO t VALUES", [(who, n) for n in range(start, start + 100)])
                acknowledged[who] = start + 100
        except (DriverError, OSError, EOFError):
            mine.disconnect()

    inserters = [threading.Thread(target=insert, args=(who,)) for who in range(4)]
    pid = launch.running_pid(own)
    assert pid is not None
    for inserter in inserters:
        inserter.start()
    while min(acknowledged) < 1000:
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
    for inserter in inserters:
        inserter.join()

    again = Client.from_url(launch.ensure_running(own))
    for who in range(4):
        numbers = [n for (n,) in again.execute(f"SELECT n FROM t WHERE who = {who} ORDER BY n")]
        # At most one INSERT was under way: it is there wholly or not at all.
        assert numbers == list(range(len(numbers)))
        assert len(numbers) - acknowledged[who] in (0, 100)
    again.disconnect()


def test_a_folder_that_is_a_file_is_refused_in_a_sentence(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    for folder in (file, file / "below"):
        with pytest.raises(
            EmbeddedError, match=r"cannot hold ClickHouse's data: it is not a folder"
        ):
            launch.ensure_running(folder)


def test_a_folder_that_cannot_be_written_is_refused_in_a_sentence() -> None:
    with pytest.raises(EmbeddedError, match=r"/proc/daybook cannot hold ClickHouse's data: "):
        launch.ensure_running(Path("/proc/daybook"))


def test_data_that_another_program_holds_is_refused_in_a_sentence(own: Path) -> None:
    own.mkdir()
    hold = f"from chdb import _chdb; c = _chdb.connect('{own}/chdb'); print(1, flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(EmbeddedError, match=r"did not start: .*already running"):
            launch.ensure_running(own)
        holder.communicate("\n")


def test_a_lock_without_a_server_is_told(own: Path) -> None:
    own.mkdir()
    with (own / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(EmbeddedError, match=r"did not answer within 0\.3 s"):
            launch.ensure_running(own, start_timeout=0.3)


def test_stopping_what_does_not_run_is_nothing(tmp_path: Path) -> None:
    launch.stop(tmp_path / "nowhere")
    assert launch.running_pid(tmp_path / "nowhere") is None


def test_two_folders_have_two_servers(own: Path, url: str) -> None:
    other = Client.from_url(launch.ensure_running(own))
    other.execute("CREATE TABLE only_here (a UInt8) ENGINE = MergeTree ORDER BY a")
    with pytest.raises(DriverError):
        count(url, "only_here")
    other.disconnect()
