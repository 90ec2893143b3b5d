"""Whose things are sought is the tenant of the description's tests: it has some of everything."""

from tests.openapi.conftest import alice, november  # noqa: F401 - fixtures
