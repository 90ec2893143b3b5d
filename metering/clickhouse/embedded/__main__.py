"""`python -m metering.clickhouse.embedded FOLDER`: serves until nobody is connected."""

import argparse
import contextlib
import fcntl
import logging
import os
import signal
import sys
import time
from pathlib import Path

from metering.clickhouse.embedded.errors import ServerError
from metering.clickhouse.embedded.launch import LINGER_SECONDS, LOCKED_EXIT_CODE

logger = logging.getLogger(__name__)


def main() -> int:
    """Holds the folder's lock for as long as it lives."""
    arguments = _arguments()
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO)
    arguments.folder.mkdir(parents=True, exist_ok=True)
    # Whatever is written without a full path stays in the folder.
    os.chdir(arguments.folder)
    lock = os.open("lock", os.O_RDWR | os.O_CREAT, 0o600)
    return _serve(arguments.linger) if _acquired(lock) else LOCKED_EXIT_CODE


def _acquired(lock: int) -> bool:
    """Tries more than once: whoever looks whether the lock is free holds it for a moment."""
    for _ in range(10):
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        time.sleep(0.01)
    return False


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--linger", type=float, default=LINGER_SECONDS, metavar="SECONDS")
    return parser.parse_args()


def _serve(linger: float) -> int:
    # Loading the engine is not worth the time of who does not get the lock.
    from metering.clickhouse.embedded.server import Server  # noqa: PLC0415

    try:
        server = Server(Path.cwd(), linger)
    except ServerError as error:
        # The engine has already said more about a folder that it could not open.
        if "EmbeddedServer" not in error.message:
            logger.error("%s", error.message)
        return 1
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: server.stop())
    server.serve()
    return 0


if __name__ == "__main__":
    sys.exit(main())
