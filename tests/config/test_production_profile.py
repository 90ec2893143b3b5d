"""compose.yaml and Dockerfile name what there is: settings, commands, paths, services."""

import re
import shlex
from typing import Any

import pytest
import yaml
from celery.bin.celery import celery
from django.conf import settings
from django.core.management import get_commands
from gunicorn.config import Config  # type: ignore[import-untyped]

COMPOSE = settings.BASE_DIR / "compose.yaml"
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE.read_text())["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}
READ_BY_SETTINGS = set(
    re.findall(r'env\.\w+\(\s*"(\w+)"', (settings.BASE_DIR / "config/settings.py").read_text())
)


def command(name: str) -> list[str]:
    """Of a service, with the defaults of its variables."""
    return shlex.split(re.sub(r"\$\{\w+:-(.*?)\}", r"\1", SERVICES[name]["command"]))


def test_the_profile_has_every_process_and_store() -> None:
    ours = {"web", "worker", "beat", "migrate", "migrate-store"}
    assert SERVICES.keys() == ours | {"postgres", "redis", "clickhouse"}
    assert OURS.keys() == ours


@pytest.mark.parametrize("name", OURS)
def test_every_variable_of_a_process_is_a_setting(name: str) -> None:
    assert OURS[name]["environment"].keys() <= READ_BY_SETTINGS


@pytest.mark.parametrize("name", OURS)
def test_no_process_falls_back_to_files_of_its_own(name: str) -> None:
    assert OURS[name]["environment"].keys() >= {
        "SECRET_KEY",
        "DATABASE_URL",
        "CLICKHOUSE_URL",
        "CELERY_BROKER_URL",
    }


def test_secrets_have_no_default() -> None:
    used = set(re.findall(r"\$\{(\w*(?:PASSWORD|KEY))(.*?)\}", COMPOSE.read_text()))
    assert {name for name, _ in used} == {
        "SECRET_KEY",
        "POSTGRES_PASSWORD",
        "CLICKHOUSE_PASSWORD",
        "REDIS_PASSWORD",
    }
    assert {default for _, default in used} == {":?"}


def test_what_a_process_waits_for_exists_and_can_say_that_it_is_ready() -> None:
    for name, service in SERVICES.items():
        for other, how in service.get("depends_on", {}).items():
            condition = how["condition"]
            assert condition in {"service_healthy", "service_completed_successfully"}, name
            assert condition != "service_healthy" or "healthcheck" in SERVICES[other], name


def test_beat_runs_once_and_no_worker_brings_its_own() -> None:
    assert SERVICES["beat"]["deploy"] == {"replicas": 1}
    assert "--beat" not in command("worker")
    assert SERVICES["web"]["deploy"]["replicas"] > 1
    assert SERVICES["worker"]["deploy"]["replicas"] > 1


def test_the_web_server_understands_its_options() -> None:
    program, *arguments = command("web")
    options = vars(Config().parser().parse_args(arguments))
    assert program == "gunicorn"
    assert options["args"] == ["config.wsgi"]
    assert options["worker_class"] == "gthread"


@pytest.mark.parametrize("name", ["worker", "beat"])
def test_celery_understands_the_options_of(name: str) -> None:
    program, *arguments = command(name)
    split = arguments.index(name)
    assert program == "celery"
    with celery.make_context("celery", [*arguments[:split], name], resilient_parsing=True):
        subcommand = celery.commands[name]
    known = {option for parameter in subcommand.params for option in parameter.opts}
    assert {argument.split("=")[0] for argument in arguments[split + 1 :]} <= known


@pytest.mark.parametrize("name", ["migrate", "migrate-store"])
def test_a_one_shot_service_runs_a_command_that_exists(name: str) -> None:
    python, manage, run = command(name)
    assert (python, manage) == ("python", "manage.py")
    assert run in get_commands()


def test_the_image_copies_what_exists_and_runs_as_nobody_in_particular() -> None:
    lines = (settings.BASE_DIR / "Dockerfile").read_text().splitlines()
    copies = [line.split()[1:-1] for line in lines if line.startswith("COPY ") and "--" not in line]
    copied = [path for paths in copies for path in paths]
    allowed = (settings.BASE_DIR / ".dockerignore").read_text().splitlines()
    assert {"requirements.lock", "manage.py", "config", "metering"} <= set(copied)
    for path in copied:
        assert (settings.BASE_DIR / path).exists(), path
        assert f"!{path}" in allowed
    users = [line for line in lines if line.startswith("USER ")]
    assert users == ["USER daybook"]
    assert any("--require-hashes" in line for line in lines)
