"""`python -m metering.clickhouse.embedded FOLDER`: serves until nobody is connected."""

import argparse
import fcntl
import logging
import os
import signal
import sys
from pathlib import Path

from metering.clickhouse.embedded.errors import ServerError
from metering.clickhouse.embedded.launch import LINGER_SECONDS, LOCKED_EXIT_CODE


def main() -> int:
    """Holds the folder's lock for as long as it lives."""
    arguments = _arguments()
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO)
    arguments.folder.mkdir(parents=True, exist_ok=True)
    lock = os.open(arguments.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return LOCKED_EXIT_CODE
    return _serve(arguments.folder, arguments.linger)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--linger", type=float, default=LINGER_SECONDS, metavar="SECONDS")
    return parser.parse_args()


def _serve(folder: Path, linger: float) -> int:
    # Loading the engine takes a while; it is not worth it for who does not get the lock.
    from metering.clickhouse.embedded.server import Server

    try:
        server = Server(folder, linger)
    except ServerError as error:
        logging.getLogger(__name__).error("%s", error.message)
        return 1
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: server.stop())
    server.serve()
    return 0


if __name__ == "__main__":
    sys.exit(main())
