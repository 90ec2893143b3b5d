"""What an installation under test tells beside an answer: how long its queries alone take."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase

from metering.clickhouse.replay import bare_seconds, noted

ASK, BARE, QUERIES = "X-Bench-Replay", "X-Bench-Bare-Seconds", "X-Bench-Queries"


class ReplayQueries:
    """Where it is asked for, the queries of the answer are asked once more by the bare driver."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if ASK not in request.headers:
            return self._get_response(request)
        with noted() as queries:
            response = self._get_response(request)
        response[BARE] = f"{bare_seconds(queries):.6f}"
        response[QUERIES] = str(len(queries))
        return response
