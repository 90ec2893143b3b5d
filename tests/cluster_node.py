"""`python -m tests.cluster_node PORT FOLDER CONFIG`: one server of a cluster, for a test.

The embedded server with a configuration file, on a port and with a password that the others know.
"""

import socket
import sys
from pathlib import Path
from typing import Any

from metering.clickhouse.embedded import engine, server

PASSWORD = "known-to-all"


def main() -> None:
    port, folder, config = int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    engine.OPTIONS["config-file"] = config
    node = server.Server(folder, linger=5)
    node.password = PASSWORD
    create_server = socket.create_server

    def on_port(address: tuple[str, int], **options: Any) -> socket.socket:
        return create_server((address[0], port), **options)

    socket.create_server = on_port  # type: ignore[assignment]
    node.serve()


if __name__ == "__main__":
    main()
