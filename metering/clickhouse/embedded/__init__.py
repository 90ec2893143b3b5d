"""ClickHouse without a ClickHouse server: one process that owns a chDB folder.

It speaks the server side of ClickHouse's native protocol on loopback, so that everything
else uses clickhouse-driver and cannot tell it from a server. Start it with `launch`.
"""
