"""Every setting, read once from the environment; a bad value stops the start and says which."""

import logging
import re
from pathlib import Path
from secrets import token_urlsafe
from urllib.parse import urlsplit

import django_htmx
import environs
import plotly

env = environs.Env()

BASE_DIR = Path(__file__).resolve().parent.parent

# Everything an embedded installation keeps: database, events, broker, secret key, static files.
DATA_DIR = Path(env.str("DATA_DIR", str(BASE_DIR / "data"))).expanduser().resolve()

# Empty means the embedded server in DATA_DIR; see metering/clickhouse/connection.py.
CLICKHOUSE_URL = env.str("CLICKHOUSE_URL", "")
# The name of a cluster that CLICKHOUSE_URL knows: tables are replicated and sharded on it.
CLICKHOUSE_CLUSTER = env.str("CLICKHOUSE_CLUSTER", "")


def _kept_secret_key() -> str:
    """The key generated at the first start and kept in DATA_DIR, readable by its owner only."""
    path = DATA_DIR / "secret_key"
    try:
        return path.read_text()
    except OSError:
        key = token_urlsafe(50)
    try:
        DATA_DIR.mkdir(parents=True, exist_ok=True)
        with path.open("x") as file:
            path.chmod(0o600)
            file.write(key)
    except OSError:
        # Another process was first, or the folder cannot be written. Commands that need no folder
        # still work; those that do say so themselves.
        return path.read_text() if path.is_file() else key
    return key


SECRET_KEY = env.str("SECRET_KEY", "") or _kept_secret_key()
DEBUG = env.bool("DEBUG", False)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", [])
# Behind TLS this must be on, so that the session never travels in the clear.
SECURE_COOKIES = env.bool("SECURE_COOKIES", False)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_COOKIES
SESSION_COOKIE_HTTPONLY = True
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"

INSTALLED_APPS = [
    # First, so that its template of the administration's frame is found before Django's.
    "dashboards",
    "dashboards.admin_config.OperatorAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "csp",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "metering",
    "billing",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "metering.actor.ActorMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

# Plotly sets style attributes from its script, hence inline styles; scripts are files only.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "script-src": ["'self'"],
        "style-src": ["'self'", "'unsafe-inline'"],
        "img-src": ["'self'", "data:", "blob:"],
        "frame-ancestors": ["'none'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
    }
}

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

DATABASES = {
    "default": env.dj_db_url(
        "DATABASE_URL",
        f"sqlite:///{DATA_DIR / 'daybook.sqlite3'}",
        # A connection for each request would cost more than the request's one query.
        conn_max_age=600,
        conn_health_checks=True,
    )
}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # IMMEDIATE takes the write lock at BEGIN: two closers wait for each other instead of failing.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 30,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "overview"
LOGOUT_REDIRECT_URL = "login"

LANGUAGE_CODE = "en"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
# Plotly's script and htmx come out of their wheels, so the browser asks nobody but us for them.
STATICFILES_DIRS = [
    ("plotly", str(Path(plotly.__file__).parent / "package_data")),
    ("htmx", str(Path(django_htmx.__file__).parent / "static" / "django_htmx")),
]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["metering.authentication.ApiKeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["metering.authentication.CanRead"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "metering.negotiation.OneForm",
    "DEFAULT_SCHEMA_CLASS": "metering.openapi.generate.Operation",
    "EXCEPTION_HANDLER": "metering.problems.problem_response",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Daybook",
    "DESCRIPTION": (
        "Metering and billing for fleets of AI agents. A key sees its own tenant only. Ranges are"
        " half-open, days are the tenant's; amounts and decimals are strings, exact; null is what"
        " is not known, never 0."
    ),
    "VERSION": "1",
    "TAGS": [{"name": name} for name in ("Ingestion", "Reads", "Installation")],
    "SORT_OPERATION_PARAMETERS": False,
    "PATH_CONVERTER_OVERRIDES": {"slug": {"type": "string", "pattern": "^[-a-zA-Z0-9_]+$"}},
    "OAS_VERSION": "3.1.1",
    "POSTPROCESSING_HOOKS": ["metering.openapi.generate.with_components"],
    # The description holds nothing of anybody's; its page and script come from this server.
    "SERVE_AUTHENTICATION": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {"deepLinking": True, "validatorUrl": None},
}

WEB_WORKERS = env.int("WEB_WORKERS", 1)
WEB_THREADS = env.int("WEB_THREADS", 96)

# How long one commit of events may take; past it the client is told to try again.
INGEST_COMMIT_SECONDS = env.int("INGEST_COMMIT_SECONDS", 20)
INGEST_MAX_BODY_BYTES = env.int("INGEST_MAX_BODY_BYTES", 64 * 1024 * 1024)
DATA_UPLOAD_MAX_MEMORY_SIZE = None  # the ingestion view has its own limit, above

# A prompt block counts as reusable when an earlier call carried it at most this long before.
REUSE_WINDOW_SECONDS = env.int("REUSE_WINDOW_SECONDS", 24 * 3600)
# Succeeded tasks that make an active agent a delivering one.
DAA_MIN_TASKS = env.int("DAA_MIN_TASKS", 1)
ROLLUP_EVERY_SECONDS = env.int("ROLLUP_EVERY_SECONDS", 60)
ALERTS_EVERY_SECONDS = env.int("ALERTS_EVERY_SECONDS", 300)
# Calls in 24 hours below which a low hit rate raises no alert.
HIT_RATE_ALERT_MIN_REQUESTS = env.int("HIT_RATE_ALERT_MIN_REQUESTS", 100)
# How often it is looked which sources of chip telemetry are due.
COLLECT_EVERY_SECONDS = env.int("COLLECT_EVERY_SECONDS", 10)
# How long spans are kept to find the agents of late ones, at least; they go by whole months.
TRACE_SPANS_DAYS = env.int("TRACE_SPANS_DAYS", 90, validate=environs.validate.Range(min=1))


def _lines(name: str) -> str:
    """A text of several lines; where the environment can hold no line break, \\n is one."""
    return env.str(name, "").replace("\\n", "\n").strip()


# What invoices say of the operator, and how and until when they are to be paid.
SELLER_NAME = env.str("SELLER_NAME", "")
SELLER_ADDRESS = _lines("SELLER_ADDRESS")
SELLER_EMAIL = env.str("SELLER_EMAIL", "")
SELLER_TAX_ID = env.str("SELLER_TAX_ID", "")
SELLER_PAYMENT = _lines("SELLER_PAYMENT")
PAYMENT_DAYS = env.int("PAYMENT_DAYS", 30, validate=environs.validate.Range(min=0, max=365))
# Where the journal export books to, beside the usual: see billing/exports/accounts.py.
JOURNAL_ACCOUNTS = env.json("JOURNAL_ACCOUNTS", {})
# The full name of a rate of 0 %, which is another one in each country.
JOURNAL_XERO_TAX_RATE = env.str("JOURNAL_XERO_TAX_RATE", "Tax Exempt (0%)")
JOURNAL_NETSUITE_SUBSIDIARY = env.str("JOURNAL_NETSUITE_SUBSIDIARY", "")
# How long the file of an export can be fetched; and where it is kept, by default in DATA_DIR. Web
# and workers on several machines need a folder that all of them see.
EXPORT_LINK_SECONDS = env.int("EXPORT_LINK_SECONDS", 24 * 3600)
EXPORTS_DIR = env.str("EXPORTS_DIR", "")
# How long after a period's end its invoices may be finalized.
INVOICE_GRACE_SECONDS = env.int("INVOICE_GRACE_SECONDS", 3600)

# Without a key nothing is told to Stripe, and nothing is kept to be told later.
STRIPE_API_KEY = env.str("STRIPE_API_KEY", "")
STRIPE_WEBHOOK_SECRET = env.str("STRIPE_WEBHOOK_SECRET", "")
# How old a signature may be, in seconds.
STRIPE_WEBHOOK_TOLERANCE = env.int(
    "STRIPE_WEBHOOK_TOLERANCE", 300, validate=environs.validate.Range(min=1)
)
# Another server that speaks Stripe's API, as for tests.
STRIPE_API_BASE = env.str("STRIPE_API_BASE", "")
STRIPE_COLLECTION = env.str(
    "STRIPE_COLLECTION",
    "send_invoice",
    validate=environs.validate.OneOf(["send_invoice", "charge_automatically"]),
)
# Charges whose quantity also goes to a meter of Stripe's: code=meter,code=meter.
STRIPE_METERS: dict[str, str] = env.dict("STRIPE_METERS", {})
STRIPE_EVERY_SECONDS = env.int("STRIPE_EVERY_SECONDS", 10)

# Without a broker, messages are files in DATA_DIR: same worker, same tasks, nothing to install.
CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", "filesystem://localhost")
CELERY_BROKER_TRANSPORT_OPTIONS = (
    {
        # One folder is both in- and outbox.
        "data_folder_in": str(DATA_DIR / "broker"),
        "data_folder_out": str(DATA_DIR / "broker"),
        "control_folder": str(DATA_DIR / "broker-control"),
    }
    if CELERY_BROKER_URL.startswith("filesystem:")
    else {}
)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_IGNORE_RESULT = True
# A killed worker's task is delivered again; every task is safe to run twice.
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BEAT_SCHEDULE_FILENAME = str(DATA_DIR / "celerybeat-schedule")
CELERY_BEAT_SCHEDULE = {
    "rollup": {
        "task": "metering.tasks.rollup_all",
        "schedule": float(ROLLUP_EVERY_SECONDS),
        # A tick that could not run before the next one is due is of no use any more.
        "options": {"expires": ROLLUP_EVERY_SECONDS},
    },
    "alerts": {
        "task": "metering.tasks.check_alerts",
        "schedule": float(ALERTS_EVERY_SECONDS),
        "options": {"expires": ALERTS_EVERY_SECONDS},
    },
    "collect-chips": {
        "task": "metering.tasks.collect_due_chips",
        "schedule": float(COLLECT_EVERY_SECONDS),
        "options": {"expires": COLLECT_EVERY_SECONDS},
    },
    "sweep-rollups": {"task": "metering.tasks.sweep_rollups", "schedule": 24 * 3600.0},
    "drop-old-spans": {"task": "metering.tasks.drop_old_spans", "schedule": 24 * 3600.0},
    "check-ingestion": {"task": "metering.tasks.check_ingestion", "schedule": 3600.0},
    "deliver-notices": {
        "task": "metering.tasks.deliver_notices",
        "schedule": 30.0,
        "options": {"expires": 30},
    },
    "expire-reservations": {
        "task": "billing.tasks.expire_reservations",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "measure-budgets": {
        "task": "billing.tasks.measure_budgets",
        "schedule": float(ALERTS_EVERY_SECONDS),
        "options": {"expires": ALERTS_EVERY_SECONDS},
    },
    "push-to-stripe": {
        "task": "billing.tasks.push_to_stripe",
        "schedule": float(STRIPE_EVERY_SECONDS),
        "options": {"expires": STRIPE_EVERY_SECONDS},
    },
    "handle-stripe-events": {
        "task": "billing.tasks.handle_stripe_events",
        "schedule": float(STRIPE_EVERY_SECONDS),
        "options": {"expires": STRIPE_EVERY_SECONDS},
    },
    "expire-credits": {"task": "billing.tasks.expire_credits", "schedule": 3600.0},
    "sweep-exports": {"task": "billing.tasks.sweep_exports", "schedule": 60.0},
    "close-month": {"task": "billing.tasks.close_last_month", "schedule": 3600.0},
}

# Such as smtp+tls://user:password@host:587; nothing is mailed while it is empty.
EMAIL_URL = env.str("EMAIL_URL", "")
for _name, _value in env.dj_email_url("EMAIL_URL", "dummymail:").items():
    globals()[_name] = _value
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.str("EMAIL_FROM", "daybook@localhost")

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    # Every lost connection is reported by us, once; the driver adds a traceback to each.
    "loggers": {"clickhouse_driver": {"level": "ERROR"}},
    "root": {"handlers": ["console"], "level": env.log_level("LOG_LEVEL", logging.WARNING)},
}

if CLICKHOUSE_URL and urlsplit(CLICKHOUSE_URL).scheme not in {"clickhouse", "clickhouses"}:
    raise environs.EnvValidationError(
        "CLICKHOUSE_URL must look like clickhouse://user:password@host:9000/database", []
    )
if CLICKHOUSE_CLUSTER and not re.fullmatch(r"[\w.-]+", CLICKHOUSE_CLUSTER):
    raise environs.EnvValidationError(
        "CLICKHOUSE_CLUSTER must be a name of letters, digits, dots, dashes and underscores", []
    )
if CLICKHOUSE_CLUSTER and not CLICKHOUSE_URL:
    raise environs.EnvValidationError(
        "CLICKHOUSE_CLUSTER needs a CLICKHOUSE_URL: the embedded server is a single one", []
    )
env.seal()
