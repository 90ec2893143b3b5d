"""A browser of the least kind: keeps cookies, logs in, and says how long an answer takes."""

import time
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPResponse
from http.cookies import SimpleCookie
from urllib.parse import urlencode

from metering.bench.installation import BenchError

_FORM = "application/x-www-form-urlencoded"


@dataclass(slots=True)
class Browser:
    """Talks to one installation on this machine."""

    port: int
    cookies: dict[str, str] = field(default_factory=dict)

    def log_in(self, name: str, password: str) -> None:
        """As a person would, by the form."""
        self.get("/login/", {})
        form = {"username": name, "password": password}
        form["csrfmiddlewaretoken"] = self.cookies["csrftoken"]
        answer, _ = self._ask("POST", "/login/", {"Content-Type": _FORM}, urlencode(form))
        if answer.status != 302:
            raise BenchError(f"the log-in was answered {answer.status}")

    def get(self, address: str, headers: dict[str, str]) -> tuple[HTTPResponse, float]:
        """The answer, whole and read, and its seconds. Raises BenchError unless it is good."""
        answer, seconds = self._ask("GET", address, headers)
        if answer.status != 200:
            raise BenchError(f"{address} was answered {answer.status}")
        return answer, seconds

    def _ask(
        self, method: str, address: str, headers: dict[str, str], body: str | None = None
    ) -> tuple[HTTPResponse, float]:
        web = HTTPConnection("127.0.0.1", self.port, timeout=300)
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        begun = time.perf_counter()
        web.request(method, address, body, headers | {"Cookie": cookies})
        answer = web.getresponse()
        answer.read()
        seconds = time.perf_counter() - begun
        web.close()
        for line in answer.headers.get_all("Set-Cookie", []):
            self.cookies |= {name: crumb.value for name, crumb in SimpleCookie(line).items()}
        return answer, seconds
