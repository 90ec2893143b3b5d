"""A Stripe of our own over HTTP: as much of it as is spoken to here, and its ways to fail.

It honours idempotency keys as Stripe does: the first answer is kept, an error of its own included,
and other parameters under a key are refused. `fail` lets a coming call go wrong.
"""

import hashlib
import hmac
import itertools
import json
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

Params = dict[str, Any]
Thing = dict[str, Any]
SECRET = "whsec_test"


class Declined(Exception):
    """An error of Stripe's: a status and the error's type."""

    def __init__(self, status: int, kind: str, message: str, **headers: str) -> None:
        super().__init__(message)
        self.status, self.kind, self.headers = status, kind, headers


@dataclass
class Failure:
    """How a call goes wrong: before or after it is carried out, or with its answer lost."""

    route: str
    how: str
    times: int = 1


@dataclass
class FakeStripe:
    """What it knows, and what was asked of it."""

    things: dict[str, Thing] = field(default_factory=dict)
    keys: dict[str, tuple[str, int, Thing]] = field(default_factory=dict)
    calls: list[tuple[str, str, str]] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    meter_events: dict[str, Params] = field(default_factory=dict)
    # Between two calls on one invoice there is time for another worker.
    slow: float = 0.0
    underway: dict[str, int] = field(default_factory=dict)
    together: int = 0

    def __post_init__(self) -> None:
        self._ids = itertools.count(1)
        self._lock = threading.RLock()

    def fail(self, route: str, how: str, times: int = 1) -> None:
        """`how`: 429, 500, 500-after, 401, lost (done, and the answer never comes)."""
        self.failures.append(Failure(route, how, times))

    def all(self, kind: str) -> list[Thing]:
        """The newest first, as its lists are."""
        found = [thing for thing in self.things.values() if thing["object"] == kind]
        return sorted(found, key=lambda thing: int(thing["id"].split("_")[1]), reverse=True)

    def one(self, kind: str) -> Thing:
        [thing] = self.all(kind)
        return thing

    def written(self) -> list[str]:
        """The calls that were to change something."""
        return [route for method, route, _ in self.calls if method != "GET"]

    def answer(self, method: str, path: str, params: Params, key: str) -> tuple[int, Thing, Params]:
        """One call."""
        with self._lock:
            route = re.sub(r"/[a-z]+_\d+", "/{id}", path.removeprefix("/v1/"))
            self.calls.append((method, route, key))
            failure = self._failure(route if method != "GET" else f"GET {route}")
            try:
                return self._keyed(method, path, params, key, failure)
            except Declined as error:
                body = {"error": {"type": error.kind, "message": str(error)}}
                return error.status, body, error.headers

    def _failure(self, route: str) -> str:
        for failure in self.failures:
            if failure.times and re.fullmatch(failure.route, route):
                failure.times -= 1
                return failure.how
        return ""

    def _keyed(
        self, method: str, path: str, params: Params, key: str, failure: str
    ) -> tuple[int, Thing, Params]:
        if failure == "429":
            raise Declined(429, "rate_limit_error", "Too many requests", **{"Retry-After": "7"})
        if failure == "401":
            raise Declined(401, "invalid_request_error", "Invalid API Key provided: sk_test_key")
        asked = json.dumps([method, path, params], sort_keys=True)
        if key and key in self.keys:
            known, status, body = self.keys[key]
            if known != asked:
                raise Declined(400, "idempotency_error", "Keys can only be used with the same…")
            return self._lost(failure, status, body)
        status, body = self._act(method, path, params, failure)
        # Parameters that are wrong are no answer that is kept.
        if key and status != 400:
            self.keys[key] = (asked, status, json.loads(json.dumps(body)))
        return self._lost(failure, status, body)

    def _act(self, method: str, path: str, params: Params, failure: str) -> tuple[int, Thing]:
        wrong = {"error": {"type": "api_error", "message": "Something went wrong"}}
        if failure == "500":
            return 500, wrong
        body = self._route(method, path, params)
        return (500, wrong) if failure == "500-after" else (200, body)

    def _lost(self, failure: str, status: int, body: Thing) -> tuple[int, Thing, Params]:
        return (0 if failure == "lost" else status), body, {}

    def _route(self, method: str, path: str, params: Params) -> Thing:
        for pattern, verb, act in ROUTES:
            found = re.fullmatch(pattern, path.removeprefix("/v1/"))
            if found and verb == method:
                return act(self, params, *found.groups())
        raise Declined(404, "invalid_request_error", f"Unrecognized request URL ({method} {path})")

    def get(self, thing_id: str) -> Thing:
        if thing_id not in self.things:
            raise Declined(404, "invalid_request_error", f"No such thing: {thing_id}")
        return self.things[thing_id]

    def make(self, kind: str, prefix: str, **fields: Any) -> Thing:
        thing = {"id": f"{prefix}_{next(self._ids)}", "object": kind} | fields
        thing.setdefault("created", int(time.time()))
        self.things[thing["id"]] = thing
        return thing

    def paid_by_card(self, invoice_id: str, amount: int | None = None) -> Thing:
        """The customer pays, all of it or a part."""
        invoice = self.get(invoice_id)
        amount = invoice["amount_remaining"] if amount is None else amount
        payment = self.make(
            "invoice_payment",
            "inpay",
            invoice=invoice_id,
            amount_paid=amount,
            amount_requested=amount,
            currency=invoice["currency"],
            status="paid",
            payment={"type": "payment_intent", "payment_intent": f"pi_{next(self._ids)}"},
            status_transitions={"paid_at": int(time.time()), "canceled_at": None},
        )
        invoice["amount_paid"] += amount
        _remaining(invoice)
        return payment

    def event(self, kind: str, thing: Thing, **fields: Any) -> bytes:
        """As Stripe would post it."""
        body = {
            "id": f"evt_{next(self._ids)}",
            "object": "event",
            "type": kind,
            "created": int(time.time()),
            "data": {"object": json.loads(json.dumps(thing))},
        } | fields
        return json.dumps(body).encode()


def sign(body: bytes, secret: str = SECRET, at: int | None = None) -> str:
    """The header Stripe-Signature."""
    at = int(time.time()) if at is None else at
    digest = hmac.new(secret.encode(), b"%d.%s" % (at, body), hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


def _remaining(invoice: Thing) -> None:
    taken = invoice["pre_payment_credit_notes_amount"]
    invoice["amount_due"] = invoice["total"] - taken
    invoice["amount_remaining"] = max(invoice["amount_due"] - invoice["amount_paid"], 0)
    if invoice["status"] in {"open", "uncollectible"} and not invoice["amount_remaining"]:
        invoice["status"] = "paid"


def _create_customer(fake: FakeStripe, params: Params) -> Thing:
    return fake.make("customer", "cus", balance=0, **{"metadata": {}, **params})


def _create_invoice(fake: FakeStripe, params: Params) -> Thing:
    if fake.get(params["customer"])["object"] != "customer":
        raise Declined(400, "invalid_request_error", "no customer")
    if any(invoice["number"] == params["number"] for invoice in fake.all("invoice")):
        raise Declined(400, "invalid_request_error", "this number is taken")
    if "due_date" in params and int(params["due_date"]) < time.time():
        raise Declined(400, "invalid_request_error", "due_date must be in the future")
    assert params["auto_advance"] == "false"
    amounts = ("amount_due", "amount_paid", "amount_remaining", "total")
    taken = ("pre_payment_credit_notes_amount", "post_payment_credit_notes_amount")
    return fake.make(
        "invoice", "in", status="draft", **dict.fromkeys((*amounts, *taken), 0), **params
    )


def _invoice(fake: FakeStripe, invoice_id: str, *statuses: str) -> Thing:
    invoice = fake.get(invoice_id)
    if statuses and invoice["status"] not in statuses:
        raise Declined(400, "invalid_request_error", f"This invoice is {invoice['status']}")
    return invoice


def _add_lines(fake: FakeStripe, params: Params, invoice_id: str) -> Thing:
    invoice = _invoice(fake, invoice_id, "draft")
    for line in params["lines"]:
        amount = int(line.pop("amount"))
        if invoice["currency"] in {"kwd", "jod"} and amount % 10:
            raise Declined(400, "invalid_request_error", "amounts must be rounded to ten")
        fake.make("line_item", "il", invoice=invoice_id, amount=amount, **line)
        invoice["total"] += amount
    return invoice


def _finalize(fake: FakeStripe, params: Params, invoice_id: str) -> Thing:
    invoice = _invoice(fake, invoice_id, "draft")
    if invoice["total"] < 0:
        raise Declined(400, "invalid_request_error", "a negative invoice")
    invoice["status"] = "open"
    _remaining(invoice)
    return invoice


def _pay(fake: FakeStripe, params: Params, invoice_id: str) -> Thing:
    invoice = _invoice(fake, invoice_id, "open", "uncollectible")
    if params.get("paid_out_of_band") == "true":
        invoice["status"], invoice["amount_remaining"] = "paid", 0
    elif fake.get(invoice["customer"]).get("card") == "declined":
        raise Declined(402, "card_error", "Your card was declined.")
    else:
        fake.paid_by_card(invoice_id)
    return invoice


def _void(fake: FakeStripe, params: Params, invoice_id: str) -> Thing:
    invoice = _invoice(fake, invoice_id, "open", "uncollectible")
    invoice["status"] = "void"
    return invoice


def _mark_uncollectible(fake: FakeStripe, params: Params, invoice_id: str) -> Thing:
    invoice = _invoice(fake, invoice_id, "open")
    invoice["status"] = "uncollectible"
    return invoice


def _delete(fake: FakeStripe, params: Params, invoice_id: str) -> Thing:
    _invoice(fake, invoice_id, "draft")
    return fake.things.pop(invoice_id) | {"deleted": True}


def _create_credit_note(fake: FakeStripe, params: Params) -> Thing:
    invoice = _invoice(fake, params["invoice"], "open", "paid", "uncollectible")
    amount, returned = int(params["amount"]), int(params.get("out_of_band_amount", 0))
    before = min(amount, invoice["amount_remaining"])
    if returned != amount - before:
        raise Declined(400, "invalid_request_error", f"{amount - before} must be given back")
    invoice["pre_payment_credit_notes_amount"] += before
    invoice["post_payment_credit_notes_amount"] += returned
    taken = sum(invoice[f"{when}_payment_credit_notes_amount"] for when in ("pre", "post"))
    assert taken <= invoice["total"]
    _remaining(invoice)
    return fake.make(
        "credit_note",
        "cn",
        invoice=invoice["id"],
        currency=invoice["currency"],
        status="issued",
        total=amount,
        pre_payment_amount=before,
        post_payment_amount=returned,
        metadata=params["metadata"],
    )


def _void_credit_note(fake: FakeStripe, params: Params, note_id: str) -> Thing:
    note = fake.get(note_id)
    note["status"] = "void"
    return note


def _meter_event(fake: FakeStripe, params: Params) -> Thing:
    fake.meter_events.setdefault(params["identifier"], params)
    return {"object": "billing.meter_event", "id": "mev_0"} | params


def _lister(kind: str, *fields: str) -> Callable[..., Thing]:
    def listed(fake: FakeStripe, params: Params, *ids: str) -> Thing:
        wanted = dict(zip(("invoice",), ids, strict=False)) | {
            name: params[name] for name in fields if name in params
        }
        found = [t for t in fake.all(kind) if all(t.get(n) == v for n, v in wanted.items())]
        if after := params.get("starting_after"):
            found = found[[thing["id"] for thing in found].index(after) + 1 :]
        limit = int(params.get("limit", 10))
        more = len(found) > limit
        return {"object": "list", "url": "/", "data": found[:limit], "has_more": more}

    return listed


ROUTES: list[tuple[str, str, Callable[..., Thing]]] = [
    (r"customers", "POST", _create_customer),
    (r"customers", "GET", _lister("customer")),
    (r"(?:customers|invoices)/(\w+)", "GET", lambda fake, params, thing_id: fake.get(thing_id)),
    (r"invoices", "POST", _create_invoice),
    (r"invoices", "GET", _lister("invoice", "customer")),
    (r"invoices/(\w+)", "DELETE", _delete),
    (r"invoices/(\w+)/lines", "GET", _lister("line_item")),
    (r"invoices/(\w+)/add_lines", "POST", _add_lines),
    (r"invoices/(\w+)/finalize", "POST", _finalize),
    (r"invoices/(\w+)/pay", "POST", _pay),
    (r"invoices/(\w+)/void", "POST", _void),
    (r"invoices/(\w+)/mark_uncollectible", "POST", _mark_uncollectible),
    (r"invoice_payments", "GET", _lister("invoice_payment", "invoice", "status")),
    (r"credit_notes", "POST", _create_credit_note),
    (r"credit_notes", "GET", _lister("credit_note", "invoice")),
    (r"credit_notes/(\w+)/void", "POST", _void_credit_note),
    (r"billing/meter_events", "POST", _meter_event),
]


def nested(pairs: list[tuple[str, str]]) -> Params:
    """`a[b]=1&c[0][d]=2` as objects and lists."""
    found: Params = {}
    for name, value in pairs:
        first, *more = re.findall(r"[^\[\]]+", name)
        place, key = found, first
        for step in more:
            place = place.setdefault(key, {})
            key = step
        place[key] = value
    return {name: _listed(value) for name, value in found.items()}


def _listed(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    read = {name: _listed(item) for name, item in value.items()}
    if read and all(name.isdecimal() for name in read):
        return [read[name] for name in sorted(read, key=int)]
    return read


class _Handler(BaseHTTPRequestHandler):
    fake: FakeStripe
    protocol_version = "HTTP/1.1"

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length).decode()
        split = urlsplit(self.path)
        params = nested(parse_qsl(body or split.query, keep_blank_values=True))
        key = self.headers.get("Idempotency-Key", "") if self.command == "POST" else ""
        assert self.headers["Authorization"] == "Bearer sk_test_key"
        assert self.command == "GET" or key or self.command == "DELETE"
        self._alone(split.path)
        status, thing, headers = self.fake.answer(self.command, split.path, params, key)
        if status == 0:
            self.close_connection = True
            self.connection.close()
            return
        answer = json.dumps(thing).encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(answer))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer)

    def _alone(self, path: str) -> None:
        """Count calls that are made on one thing at the same time."""
        fake = self.fake
        if not fake.slow or not re.search(r"/in_\d+", path):
            return
        thing = path.split("/")[3]
        fake.underway[thing] = fake.underway.get(thing, 0) + 1
        fake.together = max(fake.together, fake.underway[thing])
        time.sleep(fake.slow)
        fake.underway[thing] -= 1

    do_GET = do_POST = do_DELETE = _answer  # noqa: N815 - as the base class has it

    def log_message(self, *_: object) -> None:
        """Be quiet."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A client that was killed is none of our faults."""


def serve(fake: FakeStripe) -> tuple[ThreadingHTTPServer, str]:
    """On a free port of the loopback; the caller shuts it down."""
    handler = type("Handler", (_Handler,), {"fake": fake})
    server = _Server(("127.0.0.1", 0), handler)
    threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
    ).start()
    return server, f"http://127.0.0.1:{server.server_address[1]}"
